package nethttp

import (
	"sync/atomic"

	"github.com/weirproxy/weir/internal/meter"
)

// Stats is what a server counted. Counters count from NewServer on, over all
// its listeners.
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

// counts is what a server counts while it runs.
type counts struct {
	open, http2, streams                              atomic.Int64
	accepted, turnedAway, dismissed, handshakesFailed atomic.Uint64
	handshakes                                        *meter.Histogram
}

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	c := &s.counts
	return Stats{
		Open: c.open.Load(), HTTP2: c.http2.Load(), Streams: c.streams.Load(),
		Accepted: c.accepted.Load(), TurnedAway: c.turnedAway.Load(), Dismissed: c.dismissed.Load(),
		Handshakes: c.handshakes.Data(), HandshakesFailed: c.handshakesFailed.Load(),
	}
}
