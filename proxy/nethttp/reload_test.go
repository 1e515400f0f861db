package nethttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
)

// inFlight starts a request and a tunnel to a scripted peer.
func inFlight(t *testing.T, h *house, peer *script) (request, p, tunnel, far *wire) {
	t.Helper()
	request = dial(t, h.addr)
	request.send("GET / HTTP/1.1\nHost: a\n\n")
	p = peer.accept()
	p.head()
	p.send("HTTP/1.1 200 OK\nContent-Length: 6\n\nabc")
	tunnel = dial(t, h.addr)
	tunnel.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
	far = peer.accept()
	far.head()
	far.send("HTTP/1.1 101 S\nConnection: Upgrade\nUpgrade: x\n\n")
	tunnel.head()
	return request, p, tunnel, far
}

// goOn checks that request and tunnel work to their end, and that no connection is kept.
func goOn(t *testing.T, request, p, tunnel, far *wire) {
	t.Helper()
	p.send("def")
	if resp, body := request.response("GET"); resp.StatusCode != 200 || body != "abcdef" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if !p.ended() {
		t.Error("a connection to a peer that left is kept")
	}
	tunnel.send("still")
	far.exactly("still")
}

func TestChangedTimeoutsKeepConnections(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{transport: messages.Transport{IdleTimeout: time.Minute}}, peer.Addr())
	client := dial(t, h.addr)
	ask := func() *http.Response {
		client.send("GET / HTTP/1.1\nHost: a\n\n")
		resp, _ := client.response("GET")
		return resp
	}
	ask()
	h.reload(t, func(tr *messages.Transport) { tr.ReadTimeout, tr.IdleTimeout = time.Hour, time.Hour })
	if ask(); peer.Accepted() != 1 {
		t.Errorf("%d connections, want that of before", peer.Accepted())
	}
	h.reload(t, func(tr *messages.Transport) { tr.IdleTimeout = short })
	peer.AwaitConns(0) // the idle one is held to the new time
	h.reload(t, func(tr *messages.Transport) { tr.IdleTimeout = 0 })
	ask()
	peer.Set(peertest.Hang())
	h.reload(t, func(tr *messages.Transport) { tr.ResponseTimeout = short })
	if resp := ask(); resp.StatusCode != 504 || resp.Header.Get("X-Weir-Error") != string(messages.CodeHeadTimeout) {
		t.Errorf("got %d %q, want the new response_timeout", resp.StatusCode, resp.Header.Get("X-Weir-Error"))
	}
	if peer.Accepted() != 2 {
		t.Errorf("%d connections, want 2", peer.Accepted())
	}
}

func TestIdleConnectionsAreClosedInTime(t *testing.T) {
	peer := peertest.Start(t)
	codec := newCodec(t, messages.Transport{IdleTimeout: 4 * short})
	for range 5 { // used again and again, it lives
		x := newExchange(peer.Addr(), "GET", nil, 0)
		if err := codec.Send(x); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, x.Response.Body)
		_ = x.Response.Body.Close()
		<-time.After(2 * short)
	}
	if n := peer.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
	peer.AwaitConns(0)
}

func TestARequestUnderWayKeepsItsTimeouts(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{transport: messages.Transport{ResponseTimeout: time.Minute}}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	p := peer.accept()
	p.head()
	h.reload(t, func(tr *messages.Transport) { tr.ResponseTimeout, tr.ReadTimeout, tr.IdleTimeout = short, short, short })
	<-time.After(3 * short)
	p.send("HTTP/1.1 200 OK\nContent-Length: 6\n\nabc")
	<-time.After(3 * short)
	p.send("def")
	if resp, body := client.response("GET"); resp.StatusCode != 200 || body != "abcdef" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

func TestRetireLetsRequestsAndTunnelsGoOn(t *testing.T) {
	idle, peer := peertest.Start(t), scripted(t)
	h := open(t, plan{}, idle.Addr(), peer.addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	client.response("GET")
	h.core.Retire("u", peer.addr())
	idle.AwaitConns(1) // another peer's
	h.core.Retire("u", idle.Addr())
	idle.AwaitConns(0)
	h2 := open(t, plan{}, peer.addr())
	request, p, tunnel, far := inFlight(t, h2, peer)
	h2.core.Retire("u", peer.addr())
	goOn(t, request, p, tunnel, far)
}

func TestARemovedUpstreamFinishesWhatItBegan(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	// An idle connection beside them.
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	kept := peer.accept()
	kept.head()
	request, p, tunnel, far := inFlight(t, h, peer)
	kept.send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
	client.response("GET")
	h.apply(t, messages.List[messages.UpstreamSpec]{})
	if !kept.ended() {
		t.Error("an idle connection stays")
	}
	goOn(t, request, p, tunnel, far)
	h.core.Cut("u", peer.addr())
	for i, w := range []*wire{tunnel, far} {
		if !w.ended() {
			t.Errorf("side %d of the tunnel stays", i)
		}
	}
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if resp, _ := client.response("GET"); resp.Header.Get("X-Weir-Error") != string(messages.CodeNoUpstream) {
		t.Errorf("got %v", resp)
	}
}

func TestCutBreaksWhatIsUnderWay(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	request, p, tunnel, far := inFlight(t, h, peer)
	post := dial(t, h.addr)
	post.send("POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc")
	posted := peer.accept()
	posted.head()
	posted.exactly("abc")
	h.core.Cut("u", "127.0.0.1:1") // another peer
	tunnel.send("still")
	far.exactly("still")
	h.core.Cut("u", peer.addr())
	for i, w := range []*wire{p, posted, tunnel, far} {
		if !w.ended() {
			t.Errorf("connection %d stays", i)
		}
	}
	resp, err := http.ReadResponse(request.r, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err == nil {
		t.Error("the response looks whole")
	}
	if resp, _ := post.response("POST"); resp.StatusCode != 502 || resp.Header.Get("X-Weir-Error") != string(messages.CodeReset) {
		t.Errorf("got %d %q", resp.StatusCode, resp.Header.Get("X-Weir-Error"))
	}
	h.quiet(t, peer.addr())
	if log := h.log.String(); !strings.Contains(log, "drain_timeout is over") {
		t.Errorf("logged %q, want why", log)
	}
}

func TestCutRepeatsWhatMayBeRepeated(t *testing.T) {
	leaving, other := scripted(t), peertest.Start(t)
	h := open(t, plan{retry: messages.RetrySpec{Attempts: 1, BudgetPerSecond: 3}}, leaving.addr(), other.Addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	leaving.accept().head()
	h.core.Cut("u", leaving.addr())
	if resp, _ := client.response("GET"); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestAClosedCodecKeepsNoConnection(t *testing.T) {
	peer := peertest.Start(t)
	codec := newCodec(t, messages.Transport{})
	codec.Close()
	for range 2 {
		x := newExchange(peer.Addr(), "GET", nil, 0)
		if err := codec.Send(x); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, x.Response.Body)
		_ = x.Response.Body.Close()
		peer.AwaitConns(0)
	}
}

func TestCutEndsADial(t *testing.T) {
	addr := fullListener(t)
	codec := newCodec(t, messages.Transport{ConnectionTimeout: time.Minute})
	failed := make(chan error, 1)
	go func() { failed <- codec.Send(newExchange(addr, "POST", nil, 0)) }()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		select {
		case err := <-failed:
			check(t, err, messages.CodeReset, true)
			return
		case <-time.After(short):
			codec.Cut(addr) // the first may come before the dial
		}
	}
	t.Error("a dial that was cut goes on")
}
