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

	reading sync.Mutex // held while src is read; guards the two below
	src     io.Reader
	atEnd   func() // called at io.EOF

	gate *gate // holds the first read back; nil = none

	mu        sync.Mutex // guards the three below
	err       error      // what reading src failed with
	interrupt func()     // ends a read of src; nil = cannot be done
	timer     *time.Timer
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
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.stopped.Load() || b.src == nil {
		return 0, errStopped
	}
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
func (b *requestBody) Close() error { return nil }

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
