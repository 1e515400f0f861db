package nethttp_test

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// quiet waits until nothing of any request is left in the core.
func (h *house) quiet(t *testing.T, addrs ...string) {
	t.Helper()
	ref := h.registry.Ref("u")
	left := func() (n int64) {
		for _, addr := range addrs {
			n += ref.Peer(addr).InFlight()
		}
		return n + int64(ref.Waiting())
	}
	for deadline := time.Now().Add(patience); left() > 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d in flight or waiting though the client is gone", left())
		}
	}
}

// TestClientsThatLeave has the client go away at each stage of a request:
// slots and places in the queue come back, and the peer's connection breaks.
func TestClientsThatLeave(t *testing.T) {
	const upload = "POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\n"
	for name, tt := range map[string]struct {
		request string
		stage   func(client, p *wire)
	}{
		"before the response":           {"GET / HTTP/1.1\nHost: a\n\n", func(_, p *wire) { p.head() }},
		"after an empty line":           {"GET / HTTP/1.1\nHost: a\n\n\n", func(_, p *wire) { p.head() }},
		"after an empty line, later":    {"GET / HTTP/1.1\nHost: a\n\n", func(client, p *wire) { p.head(); client.raw("\r\n") }},
		"after a part of the next head": {"GET / HTTP/1.1\nHost: a\n\nGET / HT", func(_, p *wire) { p.head() }},
		"after the next request":        {"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\nHost: a\n\n", func(_, p *wire) { p.head() }},
		"after a body and a line":       {upload + "abcdefghi\n", func(_, p *wire) { p.head(); p.exactly("abcdefghi") }},
		"within the upload": {upload + "abc", func(_, p *wire) {
			p.head()
			p.exactly("abc")
		}},
		"within a chunk":      {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n5\nabc", func(_, p *wire) { p.head() }},
		"before it may go on": {"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 9\n\n", func(_, p *wire) { p.head() }},
		"after it may go on": {"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 9\n\n", func(client, p *wire) {
			p.head()
			p.send("HTTP/1.1 100 Continue\n\n")
			client.head()
		}},
		"between hint and head": {"GET / HTTP/1.1\nHost: a\n\n", func(client, p *wire) {
			p.head()
			p.send("HTTP/1.1 103 Hints\n\n")
			client.head()
		}},
		"within the response": {"GET / HTTP/1.1\nHost: a\n\n", func(client, p *wire) {
			p.head()
			p.send("HTTP/1.1 200 OK\nContent-Length: 9\n\nabc")
		}},
		"within a stream of events": {"GET / HTTP/1.1\nHost: a\n\n", func(client, p *wire) {
			p.head()
			p.send("HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\ndata: 1\n\n")
			client.head()
			client.exactly("b\r\ndata: 1\r\n\r\n\r\n")
		}},
		"within both": {upload + "abc", func(client, p *wire) {
			p.head()
			p.exactly("abc")
			p.send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n")
			client.head()
			client.exactly("3\r\nabc\r\n")
		}},
		"within a tunnel": {"GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n", func(client, p *wire) {
			p.head()
			p.send("HTTP/1.1 101 S\nConnection: Upgrade\nUpgrade: x\n\n")
			client.head()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			peer := scripted(t)
			h := open(t, plan{}, peer.addr())
			client := dial(t, h.addr)
			client.send("%s", tt.request)
			p := peer.accept()
			tt.stage(client, p)
			_ = client.Close()
			if !p.broken() {
				t.Error("the peer's connection stays")
			}
			_ = p.Close() // a tunnel ends when both sides did
			h.quiet(t, peer.addr())
		})
	}
}

func TestClientsThatLeaveTheQueue(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{limits: messages.Limits{MaxRequests: 1, Queue: 10, QueueTimeout: time.Minute}}, peer.addr())
	first := dial(t, h.addr)
	first.send("GET / HTTP/1.1\nHost: a\n\n")
	p := peer.accept()
	p.head()
	var waiting []*wire
	for i := range 5 {
		w := dial(t, h.addr)
		w.send("%s", []string{"GET / HTTP/1.1\nHost: a\n\n", "POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc"}[i%2])
		waiting = append(waiting, w)
	}
	ref := h.registry.Ref("u")
	for deadline := time.Now().Add(patience); ref.Waiting() < 5; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait", ref.Waiting())
		}
	}
	// Those with a body that nobody reads yet are not seen to go; the slot tells.
	for _, w := range waiting {
		_ = w.Close()
	}
	p.send("HTTP/1.1 204 No Content\n\n")
	if resp, _ := first.response("GET"); resp.StatusCode != 204 {
		t.Errorf("got %d", resp.StatusCode)
	}
	var answering sync.WaitGroup
	defer answering.Wait()
	answering.Go(func() { // whoever comes through gets an answer
		for range 5 {
			if _, err := io.WriteString(p.Conn, "HTTP/1.1 204 No Content\r\n\r\n"); err != nil {
				return // the connection ended with the request of one who left
			}
		}
	})
	h.quiet(t, peer.addr())
}
