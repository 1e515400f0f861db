package nethttp_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/messages"
)

// Peers close each connection after so many requests, and say so (nginx's
// keepalive_requests): no request fails for that, none is handled twice, and each
// comes whole.
func TestConnectionsThatAreClosedAfterAWhileCostNothing(t *testing.T) {
	var seen sync.Map
	var handled, twice atomic.Int32
	peer := serve(t, serving{h2: true}, func(w http.ResponseWriter, r *http.Request) {
		if _, had := seen.LoadOrStore(r.Header.Get("X-Id"), true); had {
			twice.Add(1)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it is answered with a reset
		}
		if handled.Add(1)%15 == 0 {
			w.Header().Set("Connection", "close")
		}
		_, _ = w.Write(body) // the client sees whether it came
	})
	h := open(t, plan{transport: messages.Transport{ALPN: messages.H2, MaxH2Streams: 100},
		retry: messages.RetrySpec{Attempts: 2, BudgetPercent: 20, BudgetPerSecond: 3}}, peer.addr)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	const clients, each = 32, 50
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for k := range each {
				body := bytes.Repeat([]byte{byte('a' + i%26)}, (i*each+k)*7919%30_000)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr+"/", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Id", fmt.Sprint(i, "-", k))
				resp, err := (&http.Client{Transport: transport}).Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close() // it was read
				if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, body) {
					t.Errorf("got %d, %d bytes of %d, %v: %s", resp.StatusCode, len(got), len(body), err, resp.Header.Get("X-Weir-Error"))
				}
			}
		})
	}
	all.Wait()
	if twice.Load() > 0 {
		t.Errorf("%d requests came twice", twice.Load())
	}
	// Some request may have come to one connection after another that was at its end.
	if n := h.registry.Ref("u").Peer(peer.addr).Failures(); n > 5 {
		t.Errorf("%d failures of a peer that had none", n)
	}
	if got := peer.accepted.Load(); got < clients*each/15/2 {
		t.Errorf("%d connections: they were not closed", got)
	}
}

// Where connections end after three requests, no more than three share one; else all
// but three of those that wait would be declined each time.
func TestConnectionsThatTakeFewRequestsAreSharedByFew(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{MaxH2Streams: 100})
	begin := func() *sending { return start(codec, peer.addr(), "POST", nil) }
	first := []*sending{begin()}
	c := peer.acceptH2()
	for range 3 {
		first = append(first, begin())
	}
	streams := []uint32{c.request(), c.request(), c.request(), c.request()}
	if err := c.WriteGoAway(streams[2], http2.ErrCodeNo, nil); err != nil {
		t.Fatal(err)
	}
	next := peer.acceptH2()
	streams[3] = next.request()
	for range 2 {
		first = append(first, begin())
		streams = append(streams, next.request())
	}
	first = append(first, begin())
	other := peer.acceptH2() // not the connection that has three
	other.respond(other.request(), "204", true)
	for i, id := range streams {
		if i < 3 {
			c.respond(id, "204", true)
		} else {
			next.respond(id, "204", true)
		}
	}
	for _, s := range first {
		if got := s.status(t); got != 204 {
			t.Errorf("got %d", got)
		}
	}
}

// A peer that says GOAWAY on a connection that nobody uses need not close it.
func TestAnUnusedConnectionIsClosedWhenItsPeerLeaves(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	s := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2()
	one := c.request()
	c.respond(one, "200", true)
	if got := s.status(t); got != 200 {
		t.Fatalf("got %d", got)
	}
	eventually(t, "nobody uses it", func() bool { return codec.Stats().Streams == 0 })
	if err := c.WriteGoAway(one, http2.ErrCodeNo, nil); err != nil {
		t.Fatal(err)
	}
	if !c.closed() {
		t.Error("the connection stays")
	}
}

// A peer that takes connections and answers nobody on them, or sheds load, gets no
// more of it than the retries that are allowed.
func TestWhoDeclinesEverythingIsNotAskedForEver(t *testing.T) {
	none, some := messages.RetrySpec{}, messages.RetrySpec{Attempts: 2, BudgetPerSecond: 100}
	for _, tt := range []struct {
		name    string
		retry   messages.RetrySpec
		goAway  bool
		streams int32
	}{
		{"refused streams", some, false, 3},
		{"refused streams, no retries", none, false, 1},
		{"refused streams, no budget", messages.RetrySpec{Attempts: 2}, false, 1},
		{"GOAWAY", some, true, 6}, // each attempt has a further connection
		{"GOAWAY, no retries", none, true, 2},
		{"GOAWAY, no budget", messages.RetrySpec{Attempts: 2}, true, 2},
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(tt.name+", "+method, func(t *testing.T) {
				addr, streams := decliner(t, tt.goAway)
				h := open(t, plan{transport: messages.Transport{ALPN: messages.H2}, retry: tt.retry}, addr)
				c := dial(t, h.addr)
				c.send("%s / HTTP/1.1\nHost: a\n\n", method)
				resp, _ := c.response(method)
				if got := streams.Load(); resp.StatusCode != http.StatusBadGateway || resp.Header.Get("X-Weir-Error") != "reset" || got != tt.streams {
					t.Errorf("%d streams, want %d; status %d %s", got, tt.streams, resp.StatusCode, resp.Header.Get("X-Weir-Error"))
				}
				if n := h.registry.Ref("u").Peer(addr).Failures(); n == 0 {
					t.Error("it is not held against the peer")
				}
			})
		}
	}
}

// decliner is a peer that declines all streams, and counts them.
func decliner(t *testing.T, goAway bool) (addr string, streams *atomic.Int32) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams = new(atomic.Int32)
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				decline(conn, goAway, streams)
			})
		}
	})
	return l.Addr().String(), streams
}

func decline(conn net.Conn, goAway bool, streams *atomic.Int32) {
	_, _ = io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			streams.Add(1)
			if goAway {
				_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
			} else {
				_ = f.WriteRSTStream(frame.StreamID, http2.ErrCodeRefusedStream)
			}
		}
	}
}
