package nethttp

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// TestEmptyPoolsLeaveNothing asks many destinations, as transparent upstreams do.
func TestEmptyPoolsLeaveNothing(t *testing.T) {
	peer := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer peer.Close()
	deps := PeerDeps{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr[len(addr)-1] == '1' {
			return nil, syscall.ECONNREFUSED
		}
		return (&net.Dialer{}).DialContext(ctx, network, peer.Listener.Addr().String())
	}}
	codec := NewPeerCodec(messages.Transport{MaxIdle: 10, MaxIdleTotal: 5}, deps)
	defer codec.Close()
	for i := range 2000 {
		x := &proxy.Exchange{To: proxy.Destination{Addr: fmt.Sprintf("192.0.2.%d:%d", i%256, i)}}
		x.Request = proxy.Request{Method: "GET", Authority: "a", Path: "/"}
		if err := codec.Send(x); err == nil {
			_ = x.Response.Body.Close()
		}
	}
	s := codec.pools
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pools) != 5 || len(s.peers) != 5 || s.unused.n != 5 {
		t.Errorf("%d pools of %d peers, %d unused; want 5 of each", len(s.pools), len(s.peers), s.unused.n)
	}
}
