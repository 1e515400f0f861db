package proxy

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// maxEmptyReads is how often a body may give nothing and no error before it
// counts as broken.
const maxEmptyReads = 100

var (
	errShortBody = errors.New("the response body ended before its announced length")
	errLongBody  = errors.New("the response body goes on after its announced length")
)

// relay passes the response on to the client and ends the exchange with the
// peer. The code is one that refuse is to act on; what goes wrong after the
// head is settled here.
func (c *Core) relay(x *Exchange) messages.Code {
	s, r := &x.core, &x.Response
	s.body.final.Store(true)
	if r.Status == 101 {
		return c.tunnel(x)
	}
	dropHopByHop(&r.Header)
	r.TrailerNames = slices.DeleteFunc(r.TrailerNames, isNoTrailer)
	s.trip.route.response.apply(&r.Header)
	if code := c.sendHead(x); code == fine && hasBody(x) {
		c.pump(x)
	}
	c.closeResponse(x)
	x.Upstream.release(x)
	return fine
}

// hasBody tells whether a body follows the head (RFC 9110, 6.4.1).
func hasBody(x *Exchange) bool {
	status := x.Response.Status
	return x.Request.Method != "HEAD" && status != 204 && status != 304
}

// pump passes the body on. What comes bit by bit (a stream of events, a body of
// unknown length) is flushed at once, its head before it.
func (c *Core) pump(x *Exchange) {
	t, r := &x.core.trip, &x.Response
	flush := r.ContentLength < 0 || isEventStream(&r.Header)
	if flush && !c.flush(x) {
		return
	}
	buffer := c.buffers.relay.Get().(*[relaySize]byte)
	defer c.buffers.relay.Put(buffer)
	for empty := 0; ; {
		n, err := r.Body.Read(buffer[:])
		if n > 0 {
			empty = 0
			if r.ContentLength >= 0 && t.sent+int64(n) > r.ContentLength {
				c.breakOff(x, &Failure{Code: messages.CodeBadResponse, Err: errLongBody})
				return
			}
			written, werr := x.Client.Write(buffer[:n])
			t.sent += int64(written)
			noteWait(x)
			if werr != nil {
				c.lose(x, werr)
				return
			}
			if flush && !c.flush(x) {
				return
			}
		} else if empty++; err == nil && empty >= maxEmptyReads {
			err = io.ErrNoProgress
		}
		if err != nil {
			c.endBody(x, err)
			return
		}
	}
}

// endBody ends the body the way its last read says.
func (c *Core) endBody(x *Exchange, err error) {
	s, r := &x.core, &x.Response
	switch {
	case !errors.Is(err, io.EOF):
		c.breakOff(x, err)
	case r.ContentLength >= 0 && s.trip.sent != r.ContentLength:
		c.breakOff(x, errShortBody)
	case r.Trailers != nil:
		s.trailers = r.Trailers()
		cleanTrailers(&s.trailers)
		if s.trailers.Len() == 0 {
			return
		}
		if err := x.Client.Trailers(&s.trailers); err != nil {
			c.lose(x, err)
		}
	}
}

// breakOff ends an exchange whose response broke after the head: only a broken
// connection can tell the client.
func (c *Core) breakOff(x *Exchange, err error) {
	t := &x.core.trip
	code := readCode(err)
	switch fault := x.core.body.fault(); {
	case fault != fine:
		code = fault
	case gone(x):
		code = messages.CodeClientGone
	case overdue(x) && !isEventStream(&x.Response.Header):
		code = messages.CodeTimeout
	case code == messages.CodeReset && tooLate(x):
		code = messages.CodeTimeout
	}
	t.code, t.detail, t.aborted = code, err, true
	c.blame(x, code)
}

// readCode is the code for an error of a response body.
func readCode(err error) messages.Code {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f.Code
	case errors.Is(err, os.ErrDeadlineExceeded):
		return messages.CodeReadTimeout
	}
	return messages.CodeReset
}

// flush sends what the client codec has buffered.
func (c *Core) flush(x *Exchange) bool {
	err := x.Client.Flush()
	noteWait(x)
	if err != nil {
		c.lose(x, err)
		return false
	}
	return true
}

// noteWait notes, after something was written to the client, that it was the
// client that was waited for when the time of the exchange ran out; see blame.
func noteWait(x *Exchange) {
	if overdue(x) {
		x.core.body.awaited.Store(true)
	}
}

// isEventStream tells whether a response is a stream of events (server-sent events).
func isEventStream(h *Fields) bool {
	const kind = "text/event-stream"
	value := strings.Trim(h.Get("Content-Type"), " \t")
	return len(value) >= len(kind) && equalFold(value[:len(kind)], kind) &&
		(len(value) == len(kind) || value[len(kind)] == ';' || value[len(kind)] == ' ')
}

// closeResponse closes what Send opened, once.
func (c *Core) closeResponse(x *Exchange) {
	t, r := &x.core.trip, &x.Response
	if !t.bodyOpen {
		return
	}
	t.bodyOpen = false
	switch {
	case r.Status == 101 && r.Tunnel != nil:
		closeQuietly(r.Tunnel)
	case r.Body != nil:
		closeQuietly(r.Body)
	}
}

// closeQuietly closes what was read as far as it is wanted; an error changes nothing then.
func closeQuietly(c io.Closer) { _ = c.Close() }
