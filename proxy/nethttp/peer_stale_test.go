package nethttp_test

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// opened has the connections of a peer.
type opened struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (o *opened) watch(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.conns = append(o.conns, conn)
	}
}

// closeAll closes them without a word, as a peer does that was killed.
func (o *opened) closeAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, conn := range o.conns {
		if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = secure.NetConn()
		}
		_ = conn.Close()
	}
	o.conns = nil
}

// TestDeadConnectionsCostNoIdempotentRequest holds that without the core, which
// would repeat such a request too. The end of a connection and the next request
// race each other.
func TestDeadConnectionsCostNoIdempotentRequest(t *testing.T) {
	ca := newPeerCA(t)
	cfg := secured(ca.issue(t, peerName, time.Now().Add(time.Hour)))
	for _, tt := range []struct {
		name string
		peer serving
		alpn messages.ALPN
	}{
		{"HTTP/1.1", serving{h1: true}, messages.H1},
		{"HTTP/1.1 over TLS", serving{h1: true, tls: cfg}, messages.H1},
		{"HTTP/2", serving{h2: true}, messages.H2},
		{"HTTP/2 over TLS", serving{h2: true, tls: cfg}, messages.H2},
		{"either", serving{h1: true, h2: true, tls: cfg}, messages.H2H1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conns := &opened{}
			tt.peer.watch = conns.watch
			peer := serve(t, tt.peer, tellConn)
			name := ""
			if tt.peer.tls != nil {
				name = peerName
			}
			codec := peerCodec(t, messages.Transport{ALPN: tt.alpn}, ca.trusting())
			for i := range 1000 {
				method := []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}[i%5]
				answered(t, codec, newRequest(peer.addr, name, method))
				if i%3 == 0 {
					conns.closeAll()
				}
			}
			if n := peer.accepted.Load(); n < 300 {
				t.Errorf("only %d connections: nothing was closed", n)
			}
		})
	}
}
