package nethttp

import (
	"context"
	"errors"
	"net/http/httptrace"
	"net/textproto"
	"sync"

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
	trace  httptrace.ClientTrace

	// Set by the goroutine that calls Send.
	conn      *peerConn // the connection last given; nil = none yet
	connStart int64     // what had been written on it before
	sent      bool      // on a connection before that, something was written

	// informational counts what came before the head. Only net/http's reader of
	// the connection looks at it.
	informational int

	mu     sync.Mutex // held while the client is told; guards client
	client proxy.ClientStream
}

// contexter is a ClientStream with a context that ends when the client is gone.
type contexter interface{ Context() context.Context }

func newAttempt(c *peerCodec, x *proxy.Exchange) *attempt {
	a := &attempt{client: x.Client}
	if x.Upstream != nil {
		a.limits = x.Upstream.Transport()
	} else {
		a.limits = *c.conns.limits.Load()
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
	a.trace = httptrace.ClientTrace{GotConn: a.gotConn, WroteRequest: a.wroteRequest, Got1xxResponse: a.got1xx}
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

// gotConn notes the connection that the request goes out on. It comes again when
// net/http repeats the request.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	a.sent = a.somethingSent()
	a.conn, _ = info.Conn.(*peerConn)
	if a.conn == nil {
		return
	}
	a.connStart = a.conn.written.Load()
	a.conn.take(a)
}

// wroteRequest starts the wait for the head.
func (a *attempt) wroteRequest(info httptrace.WroteRequestInfo) {
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
		if a.body.gate != nil {
			a.body.gate.open()
		}
		return nil
	}
	var f proxy.Fields
	appendFields(&f, map[string][]string(header), nil, framing)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client == nil {
		return errEnded
	}
	return a.client.Informational(status, &f)
}

// somethingSent tells whether a byte of the request was written to the peer.
func (a *attempt) somethingSent() bool {
	return a.sent || a.conn != nil && a.conn.written.Load() > a.connStart
}

// end lets go of everything of the exchange: afterwards nothing of it is read
// or called, and its timer is off.
func (a *attempt) end() {
	a.body.end()
	a.forgetClient()
	a.guard.stop()
	if a.conn != nil {
		a.conn.give(a)
	}
}

// forgetClient waits for an informational response that is being sent.
func (a *attempt) forgetClient() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.client = nil
}

// fail ends the attempt and says why it failed.
func (a *attempt) fail(err error) *proxy.Failure {
	f := a.explain(err)
	a.end()
	return f
}
