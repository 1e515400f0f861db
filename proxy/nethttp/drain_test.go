package nethttp_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/internal/peertest"
)

// drainHTTP2 has the server drain while a client asks. It is told to open no more
// streams; what it opens before it knows is served all the same. The end is known
// once the server shuts down.
func drainHTTP2(t *testing.T, h *house, c *frameClient) {
	t.Helper()
	answered, away := 0, []uint32{}
	read := func(until func() bool) {
		for f := c.next(); f != nil; f = c.next() {
			switch f := f.(type) {
			case *http2.HeadersFrame:
				answered++
			case *http2.GoAwayFrame:
				away = append(away, f.LastStreamID)
				if f.ErrCode != http2.ErrCodeNo {
					t.Errorf("GOAWAY %v", f.ErrCode)
				}
			}
			if until() {
				return
			}
		}
	}
	ask := func(stream uint32) {
		if err := c.request(stream, true); err != nil {
			t.Fatal(err)
		}
	}
	ask(1)
	read(func() bool { return answered == 1 })
	h.server.Drain()
	read(func() bool { return len(away) == 1 })
	ask(3)
	read(func() bool { return answered == 2 })
	ended := make(chan error)
	go func() { ended <- h.server.Shutdown(t.Context()) }()
	read(func() bool { return false })
	if err := <-ended; err != nil || answered != 2 || len(away) != 2 || away[0] != 1<<31-1 || away[1] != 3 {
		t.Errorf("%d answered, GOAWAY after %v, %v", answered, away, err)
	}
}

// TestDrainTellsTheClient: Connection: close over HTTP/1.1, GOAWAY over HTTP/2.
func TestDrainTellsTheClient(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			peer, p := peertest.Start(t), plan{}
			m.apply(&p, ca)
			h := open(t, p, peer.Addr())
			if !m.http2 {
				w := dial(t, h.addr)
				if m.tls {
					w = ca.dial(t, h.addr, ca.trust("a"))
				}
				w.send(askA)
				if resp, _ := w.response("GET"); resp.Close {
					t.Error("told to go before the drain")
				}
				h.server.Drain()
				w.send(askA)
				if resp, _ := w.response("GET"); resp.StatusCode != 200 || !resp.Close || !w.ended() {
					t.Errorf("got %d, close %t", resp.StatusCode, resp.Close)
				}
				return
			}
			drainHTTP2(t, h, newFrameClient(t, m, ca, h.addr))
		})
	}
}

// TestDrainLosesNoRequest has a client of HTTP/2 over TLS go on asking while the
// server drains and its successor gets the new connections.
func TestDrainLosesNoRequest(t *testing.T) {
	ca, peer, p := newListenerCA(t), peertest.Start(t), plan{}
	m := manner{tls: true, http2: true}
	m.apply(&p, ca)
	old, next := open(t, p, peer.Addr()), open(t, p, peer.Addr())
	var addr atomic.Pointer[string]
	addr.Store(&old.addr)
	tr := m.client(t, ca)
	tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", *addr.Load())
	}
	stop, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var done atomic.Int64
	for range 8 {
		asking.Go(func() {
			for stop.Err() == nil {
				status, err := post(t.Context(), &http.Client{Transport: tr}, "https://a")
				if err != nil || status != 200 {
					t.Errorf("after %d requests: %d, %v", done.Load(), status, err)
					return
				}
				done.Add(1)
			}
		})
	}
	peer.Await(200)
	addr.Store(&next.addr)
	old.server.Drain()
	for deadline := time.Now().Add(patience); old.server.Stats().HTTP2 > 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the client stays: %+v", old.server.Stats())
		}
	}
	if err := old.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	peer.Await(len(peer.Requests()) + 100)
	cancel()
	asking.Wait()
	if s := next.server.Stats(); s.HTTP2 != 1 {
		t.Errorf("the successor counted %+v", s)
	}
}

// post sends a short body and returns the status.
func post(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader([]byte("abc")))
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, err
}
