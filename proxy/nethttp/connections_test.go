package nethttp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

func TestConnectionsBeyondTheLimitAreTurnedAway(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{server: nethttp.ServerConfig{MaxConnections: 2}}, peer.Addr())
	var in []*wire
	for range 2 {
		w := dial(t, h.addr)
		w.send("GET / HTTP/1.1\nHost: a\n\n")
		w.response("GET")
		in = append(in, w)
	}
	for range 3 {
		out := dial(t, h.addr)
		out.send("GET / HTTP/1.1\nHost: a\n\n")
		resp, body := out.response("GET")
		if resp.StatusCode != 503 || resp.Header.Get("X-Weir-Error") != "conn_limit" || !resp.Close || !strings.HasPrefix(body, "conn_limit: ") {
			t.Errorf("got %d %v %q", resp.StatusCode, resp.Header, body)
		}
		if !out.ended() {
			t.Error("the connection stays")
		}
	}
	in[0].send("GET / HTTP/1.1\nHost: a\n\n")
	if resp, _ := in[0].response("GET"); resp.StatusCode != 200 {
		t.Errorf("one that was there got %d", resp.StatusCode)
	}
	_ = in[0].Close()
	for deadline := time.Now().Add(patience); ; {
		next := dial(t, h.addr)
		next.send("GET / HTTP/1.1\nHost: a\n\n")
		if resp, _ := next.response("GET"); resp.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that became free is not given")
		}
	}
	if n := len(peer.Requests()); n != 4 {
		t.Errorf("the peer saw %d requests, want 4", n)
	}
	if log := h.log.String(); !strings.Contains(log, "max_connections=2") {
		t.Errorf("logged %q", log)
	}
}

func TestATunnelTakesAPlaceUntilItEnds(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{server: nethttp.ServerConfig{MaxConnections: 1}}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
	p := peer.accept()
	p.head()
	p.send("HTTP/1.1 101 S\nConnection: Upgrade\nUpgrade: x\n\n")
	client.head()
	ask := func() int {
		w := dial(t, h.addr)
		defer func() { _ = w.Close() }()
		w.send("GET /none/../.. HTTP/1.1\nHost: a\n\n") // refused without a peer
		resp, _ := w.response("GET")
		return resp.StatusCode
	}
	if status := ask(); status != 503 {
		t.Errorf("got %d beside a tunnel", status)
	}
	_, _ = client.Close(), p.Close()
	for deadline := time.Now().Add(patience); ask() != 400; {
		if time.Now().After(deadline) {
			t.Fatal("the tunnel's place is not given")
		}
	}
}
