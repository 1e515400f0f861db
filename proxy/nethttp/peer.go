package nethttp

import (
	"net/http"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// peerCodec speaks HTTP/1.1 to the peers of one upstream.
type peerCodec struct {
	conns     *peerConns
	transport http.Transport
}

const (
	// idlePerPeer is how many idle connections are kept for each peer. Fewer
	// would be closed and made again whenever that many requests end together.
	idlePerPeer = 512
	// peerHeadBytes bounds the head of a response.
	peerHeadBytes = 256 << 10
	// continueTime is how long a body waits for the peer's 100 when the client
	// asked for one; many servers never send it (RFC 9110, 10.1.1).
	continueTime = time.Second
)

// NewPeerCodec returns a codec on an http.Transport of its own. It dials when
// the first request comes.
//
// A request without a body and with a method that is safe, which fails on a kept
// connection because the peer just closed it, is repeated once more on another
// connection to the same peer; for the caller that is one attempt.
func NewPeerCodec(t messages.Transport) proxy.PeerCodec {
	c := &peerCodec{conns: newPeerConns(t)}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	c.transport = http.Transport{
		DialContext:            (&dialer{conns: c.conns}).dial,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerPeer,
		MaxIdleConns:           t.MaxIdleTotal,
		IdleConnTimeout:        0, // see peerConns; this one could not be changed
		ExpectContinueTimeout:  0, // see gate
		MaxResponseHeaderBytes: peerHeadBytes,
	}
	return c
}

// Send sends x.Request to x.Peer. See proxy.PeerCodec.
func (c *peerCodec) Send(x *proxy.Exchange) error {
	a := newAttempt(c, x)
	req, err := a.request(x)
	if err != nil {
		a.end()
		return &proxy.Failure{Code: messages.CodeBadRequest, Unsent: true, Err: err}
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return a.fail(err)
	}
	a.guard.headCame()
	if a.body.gate != nil {
		a.body.gate.answer()
	}
	return a.answer(x, resp)
}

// SetLimits sets the times of dials and idleness. See proxy.PeerCodec.
func (c *peerCodec) SetLimits(t messages.Transport) { c.conns.setLimits(t) }

// Retire closes idle connections to a peer. See proxy.PeerCodec.
func (c *peerCodec) Retire(addr string) { c.conns.leave(addr, false) }

// Cut breaks the connections to a peer. See proxy.PeerCodec.
func (c *peerCodec) Cut(addr string) { c.conns.cutAll(addr) }

// Close closes idle connections, and from now on keeps none.
func (c *peerCodec) Close() {
	c.transport.CloseIdleConnections()
	c.conns.leave("", true)
}
