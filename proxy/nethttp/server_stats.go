package nethttp

import (
	"sync/atomic"

	"github.com/weirproxy/weir/internal/meter"
)

// Stats is what was counted of the clients of an address.
type Stats struct {
	// Open are the connections that are open now, tunnels among them, and HTTP2
	// those of them that speak HTTP/2. Streams are the requests under way on these.
	Open, HTTP2, Streams int64
	// Accepted counts connections that were served, TurnedAway those beyond
	// MaxConnections.
	Accepted, TurnedAway uint64
	// Dismissed counts connections of HTTP/2 that were ended with ENHANCE_YOUR_CALM.
	Dismissed uint64
	// Handshakes are the TLS handshakes that came to their end, and how long they
	// took, the way to the client and back included. HandshakesFailed counts the
	// others, those whose client just left among them.
	Handshakes       meter.HistogramData
	HandshakesFailed uint64
}

// Clients counts the clients of an address, whichever Server serves them: those
// that follow one another there share it, and so MaxConnections too.
type Clients struct {
	open, http2, streams                              atomic.Int64
	accepted, turnedAway, dismissed, handshakesFailed atomic.Uint64
	handshakes                                        *meter.Histogram
}

// NewClients returns a Clients that has counted none.
func NewClients() *Clients {
	return &Clients{handshakes: meter.NewHistogram(meter.LatencyBounds()...)}
}

// Stats returns what was counted so far.
func (c *Clients) Stats() Stats {
	return Stats{
		Open: c.open.Load(), HTTP2: c.http2.Load(), Streams: c.streams.Load(),
		Accepted: c.accepted.Load(), TurnedAway: c.turnedAway.Load(), Dismissed: c.dismissed.Load(),
		Handshakes: c.handshakes.Data(), HandshakesFailed: c.handshakesFailed.Load(),
	}
}

// Stats returns what was counted of the server's Clients so far.
func (s *Server) Stats() Stats { return s.counts.Stats() }
