package nethttp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// attempt is one exchange with a peer: what of it must outlive Send, and what
// net/http tells of it from its own goroutines.
type attempt struct {
	limits messages.Transport
	ctx    context.Context
	guard  guard
	body   requestBody
	hints  hints
	trace  httptrace.ClientTrace

	// Set by the goroutine that calls Send.
	conn      *peerConn // in use; nil = none yet, or none any more
	fresh     bool      // the attempt is the first to use conn
	connStart int64     // what had been written on it before
	gotStart  int64     // and read
	sent      bool      // on a connection before that, something was written that counts
	h2        bool      // conn speaks it
	rebuffed  bool      // over HTTP/2, by a connection that serves none

	headSent atomic.Bool                   // over HTTP/2: net/http wrote the head, or tried
	stream   atomic.Pointer[watchedStream] // of conn, over HTTP/2

	// informational counts what came before the head. Only net/http's reader of
	// the connection looks at it.
	informational int
}

// contexter is a ClientStream with a context that ends when the client is gone.
type contexter interface{ Context() context.Context }

func newAttempt(c *PeerCodec, x *proxy.Exchange) *attempt {
	a := &attempt{hints: hints{client: x.Client}}
	if x.Upstream != nil {
		a.limits = x.Upstream.Transport()
	} else {
		a.limits = *c.pools.limits.Load()
	}
	parent := context.Background()
	offered := false
	if s, ok := x.Client.(contexter); ok {
		parent, offered = s.Context(), true
	}
	ctx, cancel := context.WithCancelCause(parent)
	a.guard.start(cancel, x.Deadline)
	if !offered && x.Done != nil {
		go cancelWhenDone(ctx, cancel, x.Done)
	}
	a.trace = httptrace.ClientTrace{WroteHeaders: a.wroteHeaders, WroteRequest: a.wroteRequest, Got1xxResponse: a.got1xx}
	a.ctx = httptrace.WithClientTrace(ctx, &a.trace)
	return a
}

// cancelWhenDone ends with ctx, which the attempt's end cancels.
func cancelWhenDone(ctx context.Context, cancel context.CancelCauseFunc, done <-chan struct{}) {
	select {
	case <-done:
		cancel(context.Canceled)
	case <-ctx.Done():
	}
}

// use notes the connection that the request goes out on.
func (a *attempt) use(got givenConn) {
	c := got.conn
	a.conn, a.fresh = c, got.fresh
	a.connStart, a.gotStart = c.written.Load(), c.got.Load()
	a.headSent.Store(false)
	a.stream.Store(nil)
	if a.h2 = c.h2; a.h2 {
		c.await()
		a.stream.Store(&watchedStream{of: c.windows})
		c.pool.set.stats.streams.Add(1)
		a.body.pace(&a.guard, a.limits.WriteTimeout)
	}
	c.begin(a)
}

// leave gives the connection back.
func (a *attempt) leave() {
	c := a.conn
	if c == nil {
		return
	}
	a.conn = nil
	if c.h2 {
		c.pool.set.stats.streams.Add(-1)
		a.stream.Load().leave()
	}
	c.end(a)
}

// again tells whether the request may go out on another connection, after err,
// and makes it ready for that. Over HTTP/2 many a connection may be at its end; but
// a peer that takes new ones and answers nobody on them means it.
func (a *attempt) again(req *http.Request, err error, repeats *int) bool {
	if a.ctx.Err() != nil || a.conn.cut.Load() || a.conn.writeLate.Load() || a.conn.refused.Load() != nil || !a.body.rewind() {
		return false
	}
	unsent := a.conn.written.Load() == a.connStart
	if a.h2 {
		unsent = !a.headSent.Load() || isGoAway(err)
		useless := a.rebuff()
		if *repeats >= proxy.MaxRepeats || useless && a.rebuffed {
			return false
		}
		a.rebuffed = a.rebuffed || useless
	}
	switch {
	case unsent && (a.h2 || !a.fresh && a.conn.broken.Load()):
	case a.wasDead() && req.Body == nil && isIdempotent(req.Method):
		a.sent = true
	default:
		return false
	}
	if a.h2 {
		*repeats++
	}
	a.leave()
	return true
}

// rebuff learns from a GOAWAY, if one came, how many requests a connection to this
// peer takes. It tells whether that is none.
func (a *attempt) rebuff() bool {
	took, said := a.conn.windows.took()
	if !said {
		return false
	}
	if took > 0 {
		a.conn.pool.set.declined(a.conn, took)
	}
	return took == 0
}

// wasDead tells whether the connection, which had served before, was broken by the
// peer and gave no sign of life since the attempt got it.
func (a *attempt) wasDead() bool {
	return !a.fresh && a.conn.broken.Load() && a.conn.got.Load() == a.gotStart
}

// isIdempotent tells whether a method may be sent twice (RFC 9110, 9.2.2).
func isIdempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// wroteHeaders notes that the request began to be sent. Over HTTP/2, net/http
// writes nothing else to the connection until it returns.
func (a *attempt) wroteHeaders() {
	a.headSent.Store(true)
	if s := a.stream.Load(); s != nil {
		s.opened()
	}
}

// wroteRequest starts the wait for the head.
func (a *attempt) wroteRequest(info httptrace.WroteRequestInfo) {
	a.guard.wrote()
	if info.Err == nil {
		a.guard.waitForHead(a.limits.ResponseTimeout)
	}
}

// maxInformational is how many informational responses a peer may send for one
// request; net/http sets no limit.
const maxInformational = 100

var errChatty = errors.New("too many informational responses")

// got1xx passes an informational response on. The 100 that lets a body come is
// made by the client codec.
func (a *attempt) got1xx(status int, header textproto.MIMEHeader) error {
	if a.informational++; a.informational > maxInformational {
		return errChatty
	}
	if status == 100 {
		a.body.goOn()
		return nil
	}
	one := hint{status: status}
	appendFields(&one.fields, map[string][]string(header), nil, framing)
	if a.h2 {
		return a.hints.tellLater(one)
	}
	return a.hints.tell(one)
}

// somethingSent tells whether a byte of the request was written to the peer.
func (a *attempt) somethingSent() bool {
	switch {
	case a.sent:
		return true
	case a.conn == nil:
		return false
	case a.conn.h2:
		return a.headSent.Load() || a.ctx.Err() != nil // then it may still be about to
	}
	return a.conn.written.Load() > a.connStart
}

// end lets go of everything of the exchange: afterwards nothing of it is read
// or called, and its timer is off.
func (a *attempt) end() {
	a.body.end()
	a.hints.forget()
	a.guard.stop()
	a.leave()
}

// fail ends the attempt and says why it failed.
func (a *attempt) fail(err error) *proxy.Failure {
	f := a.explain(err)
	a.end()
	return f
}
