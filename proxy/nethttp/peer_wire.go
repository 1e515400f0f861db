package nethttp

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	// peerHeadBytes bounds the head of a response.
	peerHeadBytes = 256 << 10
	// streamWindow is how much of one HTTP/2 response waits in memory for a client
	// that is slower than the peer (RFC 9113, 5.2).
	streamWindow = 1 << 20
)

// newWire1 returns what HTTP/1.1 is spoken with. Its pool is not used.
func newWire1() *http.Transport {
	var only http.Protocols
	only.SetHTTP1(true)
	return newWire(&only)
}

// newWire2 returns what HTTP/2 is spoken with. For net/http it is always without
// TLS: that is done before, below it.
func newWire2(ping time.Duration) *http.Transport {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	t := newWire(&only)
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: ping, PingTimeout: ping, MaxReceiveBufferPerStream: streamWindow}
	return t
}

func newWire(only *http.Protocols) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return ctx.Value(readyConn{}).(*peerConn), nil
		},
		Protocols:              only,
		DisableCompression:     true,
		ExpectContinueTimeout:  0, // see gate
		MaxResponseHeaderBytes: peerHeadBytes,
	}
}
