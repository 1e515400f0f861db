package nethttp

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// requestBody is what net/http gets as the body of a request. net/http reads it
// in a goroutine of its own, and may still do so when RoundTrip has returned;
// here that reading can be stopped and waited for.
type requestBody struct {
	stopped atomic.Bool

	reading sync.Mutex // held while src is read; guards the three below
	src     io.Reader
	atEnd   func() // called at io.EOF
	begun   bool   // src was read from

	gate *gate // holds the first read back; nil = none

	// Over HTTP/2: who watches how long the peer takes for what was read; nil = nobody.
	watch *guard
	limit time.Duration

	mu        sync.Mutex // guards the four below
	err       error      // what reading src failed with
	interrupt func()     // ends a read of src; nil = cannot be done
	timer     *time.Timer
	head      bool // the response head came
}

// interrupter is a ClientStream that can end a read of the request's body.
type interrupter interface{ InterruptBody(messages.Code) }

var (
	errStopped = errors.New("the exchange with the peer is over")
	errEnded   = errors.New("the attempt is over")
)

// stopGrace is how long a read that is under way may take to return by itself
// after the peer's connection is gone. A read that is interrupted cannot be
// taken up again by a retry.
const stopGrace = time.Second

// Read reads from the client, until stopped.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.gate != nil {
		b.gate.wait()
	}
	if b.watch != nil {
		b.watch.wrote()
		defer b.watch.waitForWrite(b.limit)
	}
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.stopped.Load() || b.src == nil {
		return 0, errStopped
	}
	b.begun = true
	n, err := b.src.Read(p)
	switch {
	case err == io.EOF:
		if b.atEnd != nil {
			b.atEnd()
		}
	case err != nil && !b.stopped.Load():
		b.fail(err)
	}
	return n, err
}

func (b *requestBody) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// Close is called by net/http when it will not read on. The body is the core's.
// Over HTTP/2 the attempt does not fail before a read that is under way returned.
// When the head came, it goes on without the rest of the body, and the read is
// left alone until the response is over.
func (b *requestBody) Close() error {
	if b.watch == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped.Store(true)
	if b.gate != nil && !b.head {
		b.gate.open()
	}
	if b.interrupt != nil && b.timer == nil && !b.head {
		b.timer = time.AfterFunc(stopGrace, b.interruptRead)
	}
	return nil
}

// headCame notes that the attempt has a response.
func (b *requestBody) headCame() {
	if b.gate != nil {
		b.gate.answer()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.head = true
	if b.timer != nil && b.timer.Stop() {
		b.timer = nil
	}
}

// goOn lets a body through that was held back.
func (b *requestBody) goOn() {
	if b.gate != nil {
		b.gate.open()
	}
}

// pace has g watch that the peer takes what was read within limit: over HTTP/2 it
// may be a stream and not the connection that stands still (RFC 9113, 5.2).
func (b *requestBody) pace(g *guard, limit time.Duration) { b.watch, b.limit = g, limit }

// rewind makes a body that net/http is done with fit to be sent again. It tells
// whether it can be: nothing of it was read.
func (b *requestBody) rewind() bool {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.begun {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil && !b.timer.Stop() {
		return false // the client's side was told already
	}
	b.timer = nil
	b.stopped.Store(false)
	if b.gate != nil {
		b.gate = newGate()
	}
	b.watch = nil
	return true
}

// stop makes reads to come fail at once, and one that is under way when grace is
// over. It does not wait.
func (b *requestBody) stop(grace time.Duration) {
	b.stopped.Store(true)
	if b.gate != nil {
		b.gate.open()
	}
	if b.reading.TryLock() {
		b.reading.Unlock()
		return
	}
	if grace == 0 {
		b.interruptRead()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.interrupt != nil && b.timer == nil {
		b.timer = time.AfterFunc(grace, b.interruptRead)
	}
}

func (b *requestBody) interruptRead() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.interrupt != nil {
		b.interrupt()
	}
}

// end stops the reading and returns when nobody reads any more.
func (b *requestBody) end() {
	if b.interrupt == nil && b.src == nil {
		return // there never was a body
	}
	b.stop(stopGrace)
	b.reading.Lock()
	b.src, b.atEnd = nil, nil
	b.reading.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupt = nil
	if b.timer != nil {
		b.timer.Stop()
	}
}

// failure returns what reading from the client failed with, or nil.
func (b *requestBody) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
