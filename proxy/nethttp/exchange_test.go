package nethttp_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
)

func TestRequestReachesThePeerAsSent(t *testing.T) {
	for _, tt := range []struct{ name, request, line string }{
		{"a path with a query", "GET /a/b?x=1&y=%20 HTTP/1.1", "GET /a/b?x=1&y=%20 HTTP/1.1"},
		{"an empty query", "GET /a? HTTP/1.1", "GET /a? HTTP/1.1"},
		{"escapes that need not be", "GET /%7Ea%2Fb%41 HTTP/1.1", "GET /%7Ea%2Fb%41 HTTP/1.1"},
		{"bytes that should be escaped", "GET /a|b\"c\xc3\xa9 HTTP/1.1", "GET /a|b\"c\xc3\xa9 HTTP/1.1"},
		{"two slashes in front", "GET //evil/x%2Fy HTTP/1.1", "GET //evil/x%2Fy HTTP/1.1"},
		{"the absolute form", "GET http://example.com/a%2Fb?q HTTP/1.1", "GET /a%2Fb?q HTTP/1.1"},
		{"the absolute form without a path", "GET http://example.com?q HTTP/1.1", "GET /?q HTTP/1.1"},
		{"a method of its own", "PURGE /a HTTP/1.1", "PURGE /a HTTP/1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := scripted(t)
			h := open(t, plan{}, peer.addr())
			client := dial(t, h.addr)
			client.send("%s\nHost: example.com\nConnection: close\n\n", tt.request)
			p := peer.accept()
			head := p.head()
			p.send("HTTP/1.1 204 No Content\n\n")
			client.response("GET")
			if line, _, _ := strings.Cut(head, "\n"); line != tt.line {
				t.Errorf("got %q, want %q", line, tt.line)
			}
			if !strings.Contains(head, "\nHost: example.com\n") {
				t.Errorf("no Host: example.com in %q", head)
			}
			for _, added := range []string{"User-Agent", "Accept-Encoding", "Connection", "Content-Length", "Transfer-Encoding"} {
				if strings.Contains(head, "\n"+added+":") {
					t.Errorf("%s was added: %q", added, head)
				}
			}
		})
	}
}

func TestOptionsAsterisk(t *testing.T) {
	for _, target := range []string{"*", "http://example.com"} {
		peer := scripted(t)
		h := open(t, plan{}, peer.addr())
		client := dial(t, h.addr)
		client.send("OPTIONS %s HTTP/1.1\nHost: example.com\n\n", target)
		p := peer.accept()
		if head := p.head(); !strings.HasPrefix(head, "OPTIONS * HTTP/1.1\n") {
			t.Errorf("%s: got %q", target, head)
		}
		p.send("HTTP/1.1 204 No Content\n\n")
		client.response("OPTIONS")
	}
}

func TestResponseReachesTheClientAsSent(t *testing.T) {
	for _, tt := range []struct{ name, method, peer, want, body string }{
		{"no type is guessed and no server named", "GET", "HTTP/1.1 200 OK\nDate: D\nContent-Length: 6\n\n<html>",
			"HTTP/1.1 200 OK\nContent-Length: 6\nDate: D\n", "<html>"},
		{"a length that is not known stays so", "GET", "HTTP/1.1 200 OK\nDate: D\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
			"HTTP/1.1 200 OK\nDate: D\nTransfer-Encoding: chunked\n", "3\r\nabc\r\n0\r\n\r\n"},
		{"an empty body has its length", "GET", "HTTP/1.1 404 Not Found\nDate: D\nContent-Length: 0\n\n",
			"HTTP/1.1 404 Not Found\nContent-Length: 0\nDate: D\n", ""},
		{"HEAD keeps the length", "HEAD", "HTTP/1.1 200 OK\nDate: D\nContent-Length: 1234\n\n",
			"HTTP/1.1 200 OK\nContent-Length: 1234\nDate: D\n", ""},
		{"HEAD without a length gets none", "HEAD", "HTTP/1.1 200 OK\nDate: D\n\n", "HTTP/1.1 200 OK\nDate: D\n", ""},
		{"204 has no length", "GET", "HTTP/1.1 204 No Content\nDate: D\n\n", "HTTP/1.1 204 No Content\nDate: D\n", ""},
		{"304 has no length", "GET", "HTTP/1.1 304 Not Modified\nDate: D\nEtag: e\n\n", "HTTP/1.1 304 Not Modified\nDate: D\nEtag: e\n", ""},
		{"a field twice", "GET", "HTTP/1.1 200 OK\nSet-Cookie: a\nDate: D\nSet-Cookie: b\nContent-Length: 0\n\n",
			"HTTP/1.1 200 OK\nContent-Length: 0\nDate: D\nSet-Cookie: a\nSet-Cookie: b\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := scripted(t)
			h := open(t, plan{}, peer.addr())
			client := dial(t, h.addr)
			client.send("%s / HTTP/1.1\nHost: a\nX-Request-Id: 1\n\n", tt.method)
			p := peer.accept()
			p.head()
			p.send("%s", tt.peer)
			// The request id is the core's; all else must be the peer's.
			var got []string
			for line := range strings.Lines(client.head()) {
				if !strings.HasPrefix(line, "X-Request-Id") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "")); diff != "" {
				t.Error(diff)
			}
			client.exactly(tt.body)
			// The connection goes on: nothing but the next response follows.
			client.send("%s / HTTP/1.1\nHost: a\n\n", tt.method)
			p.head()
			p.send("HTTP/1.1 204 No Content\n\n")
			if next := client.head(); !strings.HasPrefix(next, "HTTP/1.1 204") {
				t.Errorf("then came %q", next)
			}
		})
	}
}

func TestResponseWithoutDateGetsOne(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{}, peer.Addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if resp, _ := client.response("GET"); resp.Header.Get("Date") == "" {
		t.Error("RFC 9110, 6.6.1 wants a Date from who forwards a response without")
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n3\nabc\n0\nX-Sum: s\nX-More: m\n\n")
	p := peer.accept()
	if head := p.head(); !strings.Contains(head, "\nTrailer: X-Sum\n") {
		t.Errorf("not announced: %q", head)
	}
	p.exactly("3\r\nabc\r\n0\r\nX-More: m\r\nX-Sum: s\r\n\r\n")
	p.send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n2\nok\n0\nX-Late: l\nX-Sum: t\n\n")
	if head := client.head(); !strings.Contains(head, "\nTrailer: X-Sum\n") {
		t.Errorf("not announced: %q", head)
	}
	client.exactly("2\r\nok\r\n0\r\nX-Late: l\r\nX-Sum: t\r\n\r\n")
}

// endless gives n zero bytes and remembers the most heap seen on the way.
type endless struct{ left, since, most int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	if e.since += n; e.since > 16<<20 {
		e.since = 0
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		e.most = max(e.most, int64(m.HeapAlloc))
	}
	return int(n), nil
}

func TestStreamingTakesConstantMemory(t *testing.T) {
	const size = 128 << 20
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	go func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 200 OK\nContent-Length: %d\n\n", size)
		_, _ = io.CopyN(p, p.r, size) // the client side checks the count
	}()
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before) // other tests may have left something
	up := &endless{left: size}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr, io.NopCloser(up))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = size
	var transport http.Transport
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if n != size || err != nil {
		t.Errorf("got %d bytes (%v), want %d", n, err, size)
	}
	if grew := up.most - int64(before.HeapAlloc); up.most == 0 || grew > 32<<20 {
		t.Errorf("the heap grew by %d MiB for a body of %d", grew>>20, size>>20)
	}
}

func TestEventsArriveWhileTheStreamIsOpen(t *testing.T) {
	for _, framing := range []string{"Transfer-Encoding: chunked\n", ""} {
		peer := scripted(t)
		h := open(t, plan{transport: messages.Transport{}}, peer.addr())
		client := dial(t, h.addr)
		client.send("GET / HTTP/1.1\nHost: a\n\n")
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 200 OK\nContent-Type: text/event-stream\n%s\n", framing)
		client.head()
		for range 3 {
			if framing == "" {
				p.send("data: 1\n\n")
			} else {
				p.send("b\ndata: 1\n\n\n")
			}
			client.exactly("b\r\ndata: 1\r\n\r\n\r\n")
		}
		_ = p.Close()
	}
}

func TestHTTP10ClientGetsTheBodyUntilTheEnd(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.0\n\n")
	p := peer.accept()
	if head := p.head(); !strings.Contains(head, "\nHost: "+peer.addr()+"\n") {
		t.Errorf("no Host of the peer: %q", head)
	}
	p.send("HTTP/1.1 103 Early Hints\nLink: l\n\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n")
	if head := client.head(); strings.Contains(head, "chunked") || strings.Contains(head, " 103 ") {
		t.Errorf("got %q", head)
	}
	client.exactly("abc")
	if !client.ended() {
		t.Error("the connection stays")
	}
}
