package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// errBodyTooLarge is what the peer codec gets for a body beyond max_body.
var errBodyTooLarge = errors.New("the body is larger than the route allows")

// requestBody is the body of a request as peer codecs read it. It counts, holds
// the route's max_body, notes how reading from the client failed, and records
// the beginning in a window, so that a further attempt can be given the same.
//
// One goroutine at a time reads; the others look at the atomics only.
type requestBody struct {
	source  io.Reader
	buffers *buffers
	limit   int64 // 0 = none
	length  int64 // as announced; -1 = not known
	count   int64 // bytes taken from source

	record bool   // whether to go on recording
	window []byte // in small or large: what was taken from source so far
	at     int    // what of it was read in this attempt
	small  *[smallWindow]byte
	large  *[largeWindow]byte

	// lost: the window does not hold all that was taken from source.
	lost  atomic.Bool
	whole atomic.Bool // all of the body was taken from source
	ended bool        // source said so: io.EOF
	final atomic.Bool // no further attempt will come
	// awaited: the client is being waited for, or was when the deadline passed.
	awaited  atomic.Bool
	deadline time.Time // of the exchange; zero = none
	cause    atomic.Pointer[messages.Code]
}

// begin puts b in front of the body of x. Recording costs memory, so it is done
// only when a further attempt is possible at all.
func (b *requestBody) begin(pool *buffers, x *Exchange) {
	if x.Request.Body == nil {
		return
	}
	r := x.core.trip.route
	b.source, b.buffers = x.Request.Body, pool
	b.limit, b.length, b.deadline = r.spec.MaxBody, x.Request.ContentLength, x.Deadline
	b.record = x.retry().Attempts > 0
	x.Request.Body = b
}

// Read reads the window again, after rewind, and then the client.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.at < len(b.window) {
		n := copy(p, b.window[b.at:])
		b.at += n
		return n, nil
	}
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.take(p)
	b.count += int64(n)
	if b.limit > 0 && b.count > b.limit {
		b.fail(messages.CodeBodyTooLarge)
		return 0, errBodyTooLarge
	}
	b.keep(p[:n])
	switch {
	case errors.Is(err, io.EOF):
		b.ended = true
		b.whole.Store(true)
	case err != nil:
		b.fail(bodyCode(err))
	case b.count == b.length:
		b.whole.Store(true)
	}
	return n, err
}

// take reads the client.
func (b *requestBody) take(p []byte) (int, error) {
	if b.deadline.IsZero() {
		return b.source.Read(p)
	}
	b.awaited.Store(true)
	n, err := b.source.Read(p)
	b.awaited.Store(!time.Now().Before(b.deadline))
	return n, err
}

// keep records p, as long as that is of use.
func (b *requestBody) keep(p []byte) {
	if len(p) == 0 {
		return
	}
	need := len(b.window) + len(p)
	if !b.record || b.final.Load() || need > largeWindow {
		b.lost.Store(true)
		b.record = false
		b.giveBack()
		return
	}
	if need > cap(b.window) {
		b.grow(need)
	}
	b.window = append(b.window, p...)
	b.at = len(b.window)
}

func (b *requestBody) grow(need int) {
	if need <= smallWindow {
		b.small = b.buffers.small.Get().(*[smallWindow]byte)
		b.window = b.small[:0]
		return
	}
	b.large = b.buffers.large.Get().(*[largeWindow]byte)
	b.window = append(b.large[:0], b.window...)
	b.giveBackSmall()
}

// replayable tells whether a further attempt can be given the body from the
// start. Only when no codec reads it.
func (b *requestBody) replayable() bool { return !b.lost.Load() && b.cause.Load() == nil }

// replayableWhole tells whether the body came to its end and can be given
// again. It may be called while a codec has the body.
func (b *requestBody) replayableWhole() bool {
	return b.source == nil || b.whole.Load() && b.replayable()
}

// rewind makes the next Read begin at the start.
func (b *requestBody) rewind() { b.at = 0 }

// fail notes why the body did not come; the first reason counts.
func (b *requestBody) fail(code messages.Code) { b.cause.CompareAndSwap(nil, &code) }

// fault returns why the client's body did not come, or fine.
func (b *requestBody) fault() messages.Code {
	if code := b.cause.Load(); code != nil {
		return *code
	}
	return fine
}

// reset forgets the body. Only when no codec reads it.
func (b *requestBody) reset() {
	if b.buffers != nil {
		b.giveBack()
	}
	*b = requestBody{}
}

func (b *requestBody) giveBack() {
	b.window, b.at = nil, 0
	b.giveBackSmall()
	if b.large != nil {
		b.buffers.large.Put(b.large)
		b.large = nil
	}
}

func (b *requestBody) giveBackSmall() {
	if b.small != nil {
		b.buffers.small.Put(b.small)
		b.small = nil
	}
}

// bodyCode is the code for an error of the client's body: what the client codec
// says (a *Failure), a deadline, or a connection that broke.
func bodyCode(err error) messages.Code {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f.Code
	case errors.Is(err, os.ErrDeadlineExceeded):
		return messages.CodeClientSlow
	}
	return messages.CodeClientGone
}
