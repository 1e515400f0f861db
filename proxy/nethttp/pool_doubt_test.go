package nethttp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// TestASilentConnectionOfHTTP2IsLeft has a path swallow packets: requests on the
// connection time out, or their clients leave; those that come later get another one.
func TestASilentConnectionOfHTTP2IsLeft(t *testing.T) {
	for name, leave := range map[string]bool{"a request that times out": false, "a client that leaves": true} {
		t.Run(name, func(t *testing.T) {
			peer := scripted(t)
			limits := messages.Transport{ResponseTimeout: 4 * short, ConnectionTimeout: short}
			if leave {
				limits = messages.Transport{ConnectionTimeout: short}
			}
			codec := framesTo(t, limits)
			first := start(codec, peer.addr(), "GET", nil)
			c := peer.acceptH2()
			c.respond(c.request(), "200", true)
			if got := first.status(t); got != 200 {
				t.Fatalf("the first got %d", got)
			}
			x, done, failed := newExchange(peer.addr(), "GET", nil, 0), make(chan struct{}), make(chan error)
			x.Done = done
			go func() { failed <- codec.Send(x) }()
			c.request() // and nothing comes any more
			if leave {
				time.AfterFunc(2*short, func() { close(done) })
			}
			var f *proxy.Failure
			if err := <-failed; !errors.As(err, &f) || f.Code != messages.CodeHeadTimeout && !leave || f.Code != messages.CodeClientGone && leave {
				t.Errorf("got %v", err)
			}
			third := start(codec, peer.addr(), "GET", nil)
			next := peer.acceptH2()
			next.respond(next.request(), "203", true)
			if got := third.status(t); got != 203 {
				t.Errorf("the third got %d", got)
			}
		})
	}
}

// TestASlowAnswerOverHTTP2IsNoSilence: while the peer says anything, the connection stays.
func TestASlowAnswerOverHTTP2IsNoSilence(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{ResponseTimeout: 4 * short, ConnectionTimeout: short})
	first := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2()
	c.respond(c.request(), "200", true)
	_ = first.status(t)
	second := start(codec, peer.addr(), "GET", nil)
	c.request()
	if err := c.WritePing(false, [8]byte{}); err != nil {
		t.Fatal(err)
	}
	check(t, <-second.err, messages.CodeHeadTimeout, false)
	third := start(codec, peer.addr(), "GET", nil)
	c.respond(c.request(), "203", true)
	if got := third.status(t); got != 203 {
		t.Errorf("the third got %d", got)
	}
}

// TestManyDeadConnectionsCostNoRequestWithABody has a peer forget all connections
// that are kept, which shows with the next request on each: a body cannot be sent
// again by the pool, and the core tries three times.
func TestManyDeadConnectionsCostNoRequestWithABody(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{retry: messages.RetrySpec{Attempts: 2, BudgetPercent: 20, BudgetPerSecond: 3}}, peer.addr())
	const kept = 8
	var clients, peers []*wire
	for range kept {
		client := dial(t, h.addr)
		client.send("GET / HTTP/1.1\nHost: a\n\n")
		p := peer.accept()
		p.head()
		clients, peers = append(clients, client), append(peers, p)
	}
	for i, p := range peers {
		p.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		if resp, _ := clients[i].response("GET"); resp.StatusCode != 200 {
			t.Fatalf("got %d", resp.StatusCode)
		}
	}
	for _, p := range peers {
		go func() { // the next request finds nobody
			_, _ = p.Conn.Read(make([]byte, 1))
			_ = p.Close()
		}()
	}
	go func() {
		p := peer.accept()
		p.head()
		p.exactly("body")
		p.send("HTTP/1.1 201 Created\nContent-Length: 0\n\n")
	}()
	req, err := http.NewRequestWithContext(t.Context(), "PUT", "http://"+h.addr+"/", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 201 {
		t.Errorf("got %d %s", resp.StatusCode, resp.Header.Get("X-Weir-Error"))
	}
}
