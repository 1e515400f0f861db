package nethttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// PeerCodec speaks HTTP/1.1 and HTTP/2 to the peers of one upstream, with TLS and
// without. It is a proxy.PeerCodec. Make it with NewPeerCodec.
type PeerCodec struct{ pools *peerPools }

// continueTime is how long a body waits for the peer's 100 when the client
// asked for one; many servers never send it (RFC 9110, 10.1.1).
const continueTime = time.Second

// errNoUpgradeOverH2 is returned when a request to change the protocol is to go
// to a peer that is spoken to by HTTP/2 alone.
var errNoUpgradeOverH2 = errors.New("HTTP/2 has no Upgrade: the upstream needs alpn H1 or H2H1 for it")

// NewPeerCodec returns a codec with pools of its own. It dials when the first
// request comes, and the connections that it makes are for whoever waits longest.
//
// What was not sent because the connection that it should go out on was dead, or
// was sent but cannot have been handled (an idempotent request without a body on
// a kept connection that broke without a byte of a response; a stream beyond what
// a GOAWAY names), is repeated on another connection to the same peer, unless its
// body was already read from; for the caller that is one attempt.
func NewPeerCodec(t messages.Transport, d PeerDeps) *PeerCodec {
	return &PeerCodec{pools: newPeerPools(t, d)}
}

// Send sends x.Request to x.To. See proxy.PeerCodec.
func (c *PeerCodec) Send(x *proxy.Exchange) error {
	key := keyOf(&c.pools.wants, x)
	if key.alpn == messages.H2 && x.Request.Upgrade != "" {
		return &proxy.Failure{Code: messages.CodeBadRequest, Unsent: true, Err: errNoUpgradeOverH2}
	}
	a := newAttempt(c, x)
	req, err := a.request(x, key.server != "")
	if err != nil {
		a.end()
		return &proxy.Failure{Code: messages.CodeBadRequest, Unsent: true, Err: err}
	}
	resp, err := a.roundTrip(c.pools, key, req, &x.Repeats)
	if err != nil {
		return a.fail(err)
	}
	a.guard.headCame()
	a.body.headCame()
	return a.answer(x, resp)
}

// roundTrip sends req, again when nothing can have come of it.
func (a *attempt) roundTrip(pools *peerPools, key poolKey, req *http.Request, repeats *int) (*http.Response, error) {
	for {
		got, err := pools.take(a.ctx, key)
		if err != nil {
			return nil, err
		}
		a.use(got)
		resp, err := got.conn.cc.RoundTrip(req)
		if err == nil {
			return resp, nil
		}
		a.doubt()
		if !a.again(req, err, repeats) {
			return nil, err
		}
	}
}

// SetLimits sets the times of dials and idleness. See proxy.PeerCodec.
func (c *PeerCodec) SetLimits(t messages.Transport) { c.pools.setLimits(t) }

// Retire closes idle connections to a peer. See proxy.PeerCodec.
func (c *PeerCodec) Retire(addr string) { c.pools.retire(addr) }

// Cut breaks the connections to a peer. See proxy.PeerCodec.
func (c *PeerCodec) Cut(addr string) { c.pools.cut(addr) }

// Close closes idle connections, and from now on keeps none.
func (c *PeerCodec) Close() { c.pools.close() }

// Stats returns what was counted so far.
func (c *PeerCodec) Stats() PeerStats { return c.pools.stats.read() }
