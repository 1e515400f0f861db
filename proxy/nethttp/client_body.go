package nethttp

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// clientBody is the body of a client's request. Each read has a deadline.
type clientBody struct {
	timeout time.Duration // of each read; 0 = none
	rate    int           // bytes a second, see ServerConfig.MinBodyRate; 0 = any
	expect  bool          // the client waits for a 100, which the first read sends
	length  int64         // -1 = not known
	strict  bool          // it may turn out to be another length: see seal

	mu    sync.Mutex // guards what follows and the read deadline; not held while reading
	rc    *http.ResponseController
	src   io.Reader // nil = no body
	state bodyState
	read  int64
	begun bool
	asked time.Time     // when the read that is under way began
	spent time.Duration // in reads, while there is a rate
	paced bool          // the read that is under way is bound by the rate
	code  messages.Code // why it was given up
	over  [1]byte       // what seal reads into
	due   time.Time     // when the read that is under way times out; zero = none is
}

// bodyState says how far the reading of a body got.
type bodyState int

const (
	bodyOpen    bodyState = iota
	bodyEnded             // read to its end
	bodyBroken            // the client broke it
	bodyGivenUp           // it took too long, or nobody wants it any more
)

// A short rest of a body is read and thrown away to save the connection.
const (
	discardBytes = 64 << 10
	discardTime  = time.Second
	// lingerTime bounds how long net/http goes on taking a body, after the
	// response was sent, before it closes the connection.
	lingerTime = 5 * time.Second
	// rateGrace is how long a body may be slower than its rate.
	rateGrace = 5 * time.Second
)

var (
	// errInterrupted is returned when InterruptBody ended the read of a body.
	errInterrupted = errors.New("the body is not wanted any more")
	errLongBody    = errors.New("the body is longer than its Content-Length")
)

func (b *clientBody) start(rc *http.ResponseController, src io.Reader, cfg *ServerConfig, expect bool, length int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rc, b.src, b.timeout, b.rate, b.expect, b.length = rc, src, cfg.BodyTimeout, cfg.MinBodyRate, expect, length
	b.state, b.read, b.begun, b.due, b.spent = bodyOpen, 0, false, time.Time{}, 0
	b.paced, b.strict = false, false
}

// Read reads from the client. Its error is io.EOF or a *proxy.Failure.
func (b *clientBody) Read(p []byte) (int, error) {
	src, err := b.arm(b.timeout)
	if err != nil {
		return 0, err
	}
	n, err := src.Read(p)
	if err == nil && b.strict && b.read+int64(n) == b.length {
		if err = b.seal(src); !errors.Is(err, io.EOF) {
			n = 0
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(n)
	b.due = time.Time{}
	if b.rate > 0 {
		b.spent += time.Since(b.asked)
	}
	if b.paced && b.state == bodyOpen {
		_ = b.rc.SetReadDeadline(time.Time{}) // over HTTP/2 it would count while nobody reads
	}
	if err == nil {
		return n, nil
	}
	return n, b.endLocked(err)
}

// seal waits for the end of a body that came up to its length. Over HTTP/2 there may
// be more of it, which makes the request malformed (RFC 9113, 8.1.1): a peer that had
// got the last byte would have a whole request.
func (b *clientBody) seal(src io.Reader) error {
	for {
		if n, err := src.Read(b.over[:]); n > 0 || err != nil {
			if n > 0 {
				err = errLongBody
			}
			return err
		}
	}
}

// arm prepares a read: it sets the deadline, unless the read would be in vain.
func (b *clientBody) arm(timeout time.Duration) (io.Reader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case bodyEnded:
		return nil, io.EOF
	case bodyBroken:
		return nil, &proxy.Failure{Code: messages.CodeClientGone, Err: io.ErrUnexpectedEOF}
	case bodyGivenUp:
		return nil, &proxy.Failure{Code: b.code, Err: errInterrupted}
	}
	b.begun = true
	if timeout > 0 || b.rate > 0 {
		b.asked = time.Now()
		allowed := b.allowance(timeout)
		b.paced = timeout == 0 || allowed < timeout
		b.due = b.asked.Add(allowed)
		_ = b.rc.SetReadDeadline(b.due) // fails on a dead connection, as the read will
	}
	return b.src, nil
}

// allowance is how long a read may take: the timeout, or what is left of the time
// that the bytes so far may take at the rate.
func (b *clientBody) allowance(timeout time.Duration) time.Duration {
	if b.rate == 0 {
		return timeout
	}
	earned := min(float64(b.read)/float64(b.rate), 1e9) // seconds; more is no Duration
	left := rateGrace + time.Duration(earned*float64(time.Second)) - b.spent
	if timeout > 0 {
		left = min(left, timeout)
	}
	return max(left, time.Millisecond) // a deadline that is over ends an HTTP/2 stream at once
}

// anyRate takes the rate off, for a read that is under way too.
func (b *clientBody) anyRate() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate = 0
	if b.src == nil || b.state != bodyOpen || b.due.IsZero() || !b.paced {
		return
	}
	b.due, b.paced = time.Time{}, false
	if b.timeout > 0 {
		b.due = b.asked.Add(b.timeout)
	}
	_ = b.rc.SetReadDeadline(b.due) // fails on a dead connection, as the read will
}

// endLocked notes how the body ended and returns what Read returns.
func (b *clientBody) endLocked(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		b.state = bodyEnded
		if b.timeout > 0 || b.rate > 0 {
			_ = b.rc.SetReadDeadline(time.Time{}) // else it would end an HTTP/2 stream
		}
		return io.EOF
	case b.state == bodyGivenUp:
		return &proxy.Failure{Code: b.code, Err: errInterrupted}
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.state, b.code = bodyGivenUp, messages.CodeClientSlow
		return &proxy.Failure{Code: messages.CodeClientSlow, Err: err}
	}
	b.state = bodyBroken
	if errors.Is(err, io.ErrUnexpectedEOF) || isConnError(err) {
		return &proxy.Failure{Code: messages.CodeClientGone, Err: err}
	}
	return &proxy.Failure{Code: messages.CodeBadRequest, Err: err} // malformed chunks
}

// interrupt ends a read that is under way, and those to come, with code.
func (b *clientBody) interrupt(code messages.Code) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.src == nil || b.state != bodyOpen {
		return
	}
	b.state, b.code = bodyGivenUp, code
	_ = b.rc.SetReadDeadline(time.Unix(1, 0)) // fails on a dead connection, where no read hangs
}

// ended tells whether nothing of the body is left on the connection.
func (b *clientBody) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.src == nil || b.state == bodyEnded
}

// givenUp tells whether reading was ended from here. When net/http ends the
// request's context because a read timed out, that is not noted yet; the
// deadline tells then.
func (b *clientBody) givenUp() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state == bodyGivenUp || !b.due.IsZero() && !time.Now().Before(b.due)
}

// discardRest reads a short rest of the body and tells whether it was all.
func (b *clientBody) discardRest() bool {
	b.mu.Lock()
	vain := b.state != bodyOpen || b.expect && !b.begun || b.length-b.read > discardBytes
	b.mu.Unlock()
	if vain {
		return false
	}
	src, err := b.arm(discardTime)
	if err != nil {
		return false
	}
	_, err = io.CopyN(io.Discard, src, discardBytes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due = time.Time{}
	if err != nil {
		_ = b.endLocked(err)
	}
	return b.state == bodyEnded
}

// finish lets go of the body, and bounds what net/http goes on reading of it: before
// it closes the connection of a client that is cut off, nothing. It tells whether the
// client may be sending more.
func (b *clientBody) finish(cutOff bool) (unread bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	unread = b.src != nil && b.state != bodyEnded && b.state != bodyBroken
	switch {
	case b.src == nil:
	case cutOff && b.state == bodyOpen, b.expect && !b.begun: // or it was never asked for
		_ = b.rc.SetReadDeadline(time.Unix(1, 0))
	case b.state == bodyOpen || b.state == bodyBroken:
		_ = b.rc.SetReadDeadline(time.Now().Add(lingerTime))
	}
	b.src, b.rc = nil, nil
	return unread
}
