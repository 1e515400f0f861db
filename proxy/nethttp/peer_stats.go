package nethttp

import (
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/internal/meter"
)

// PeerStats is what a PeerCodec counted, and those before it (PeerDeps.Former).
type PeerStats struct {
	// Opened is how many connections were made (with their TLS handshake, where
	// wanted); Failed how many could not be.
	Opened, Failed uint64
	// Reused is how many requests went out on a connection that had served one before.
	Reused uint64
	// Open is how many connections are open now, tunnels among them.
	Open int64
	// Streams is how many requests are under way over HTTP/2 now.
	Streams int64
	// Handshakes is how many TLS handshakes were done; HandshakesFailed how many failed.
	Handshakes, HandshakesFailed uint64
	// Connect and Handshake are how long the connects and the handshakes took that
	// were done: without the lookup, and without the connect.
	Connect, Handshake meter.HistogramData
}

// peerCounters are what PeerStats is made of.
type peerCounters struct {
	opened, failed, reused       atomic.Uint64
	open, streams                atomic.Int64
	handshakes, handshakesFailed atomic.Uint64
	connect, handshake           *meter.Histogram
}

func newPeerCounters() *peerCounters {
	bounds := connectBounds()
	return &peerCounters{connect: meter.NewHistogram(bounds...), handshake: meter.NewHistogram(bounds...)}
}

// connectBounds suit what takes a few round trips: 100 us to 10 s.
func connectBounds() []time.Duration {
	us, ms := time.Microsecond, time.Millisecond
	return []time.Duration{100 * us, 250 * us, 500 * us, 1 * ms, 2500 * us, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms,
		250 * ms, 500 * ms, time.Second, 2500 * ms, 5 * time.Second, 10 * time.Second}
}

// read returns what was counted so far.
func (c *peerCounters) read() PeerStats {
	return PeerStats{
		Opened: c.opened.Load(), Failed: c.failed.Load(), Reused: c.reused.Load(),
		Open: c.open.Load(), Streams: c.streams.Load(),
		Handshakes: c.handshakes.Load(), HandshakesFailed: c.handshakesFailed.Load(),
		Connect: c.connect.Data(), Handshake: c.handshake.Data(),
	}
}
