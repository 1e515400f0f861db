package nethttp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

func TestUpgrade(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET /ws HTTP/1.1\nHost: a\nConnection: keep-alive, Upgrade\nUpgrade: websocket\nSec-X: 1\n\nearly")
	p := peer.accept()
	if head := p.head(); !strings.Contains(head, "\nConnection: Upgrade\n") || !strings.Contains(head, "\nUpgrade: websocket\n") {
		t.Errorf("peer got %q", head)
	}
	p.send("HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\nSec-Y: 2\n\nfirst")
	head := client.head()
	for _, want := range []string{"HTTP/1.1 101 Switching Protocols\n", "\nConnection: Upgrade\n", "\nUpgrade: websocket\n", "\nSec-Y: 2\n"} {
		if !strings.Contains(head, want) {
			t.Errorf("no %q in %q", want, head)
		}
	}
	client.exactly("first")
	p.exactly("early")
	client.send("to the peer")
	p.exactly("to the peer")
	p.send("to the client")
	client.exactly("to the client")

	// Half-close: the client ends, the peer goes on.
	if err := client.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if !p.ended() {
		t.Error("the client's end does not reach the peer")
	}
	p.send("last words")
	client.exactly("last words")
	_ = p.Close()
	if !client.ended() {
		t.Error("the peer's end does not reach the client")
	}
}

func TestUpgradeIsRefusedByThePeer(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{}, peer.Addr())
	client := dial(t, h.addr)
	for range 2 { // the connection goes on
		client.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n")
		if resp, body := client.response("GET"); resp.StatusCode != 200 || body != "ok\n" {
			t.Errorf("got %d %q", resp.StatusCode, body)
		}
	}
}

func TestOfferOfH2CIsNotPassedOn(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{}, peer.Addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n\n")
	client.response("GET")
	for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
		if got := peer.Requests()[0].Header[name]; got != nil {
			t.Errorf("peer got %s: %q", name, got)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	const request = "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n\n"
	t.Run("the body comes after the peer's 100", func(t *testing.T) {
		peer := scripted(t)
		h := open(t, plan{}, peer.addr())
		client := dial(t, h.addr)
		client.send(request)
		p := peer.accept()
		if head := p.head(); !strings.Contains(head, "\nExpect: 100-continue\n") {
			t.Errorf("peer got %q", head)
		}
		p.send("HTTP/1.1 100 Continue\n\n")
		if head := client.head(); head != "HTTP/1.1 100 Continue\n" {
			t.Errorf("got %q", head)
		}
		client.send("abc")
		p.exactly("abc")
		p.send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		if head := client.head(); !strings.HasPrefix(head, "HTTP/1.1 200") || strings.Contains(head, "Connection: close") {
			t.Errorf("got %q", head)
		}
	})
	t.Run("the peer refuses before the body", func(t *testing.T) {
		peer := scripted(t)
		h := open(t, plan{}, peer.addr())
		client := dial(t, h.addr)
		client.send(request)
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 417 Expectation Failed\nContent-Length: 0\n\n")
		if head := client.head(); !strings.HasPrefix(head, "HTTP/1.1 417") || !strings.Contains(head, "\nConnection: close\n") {
			t.Errorf("got %q", head)
		}
		if !client.ended() {
			t.Error("the connection stays, though the body may or may not follow")
		}
	})
}

func TestEarlyHints(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	p := peer.accept()
	p.head()
	p.send("HTTP/1.1 103 Early Hints\nLink: </a.css>\n\n")
	if head := client.head(); head != "HTTP/1.1 103 Early Hints\nLink: </a.css>\n" {
		t.Errorf("got %q", head)
	}
	p.send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
	if head := client.head(); !strings.HasPrefix(head, "HTTP/1.1 200") || strings.Contains(head, "Link") {
		t.Errorf("got %q", head)
	}
}

func TestClientGoneCancelsThePeersRequest(t *testing.T) {
	for _, request := range []string{"GET / HTTP/1.1\nHost: a\n\n", "POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc"} {
		peer := scripted(t)
		h := open(t, plan{}, peer.addr())
		client := dial(t, h.addr)
		client.send("%s", request)
		p := peer.accept()
		p.head()
		if strings.HasPrefix(request, "POST") {
			p.exactly("abc")
		}
		_ = client.Close()
		if !p.ended() {
			t.Errorf("the peer's connection stays: %q", request)
		}
	}
}

func TestResponseThatBreaksBreaksTheClientsConnection(t *testing.T) {
	for _, framing := range []string{"Content-Length: 9\n\nabc", "Transfer-Encoding: chunked\n\n3\nabc\n"} {
		peer := scripted(t)
		h := open(t, plan{}, peer.addr())
		client := dial(t, h.addr)
		client.send("GET / HTTP/1.1\nHost: a\n\n")
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 200 OK\n%s", framing)
		_ = p.Close()
		resp, err := http.ReadResponse(client.r, nil)
		if err != nil {
			continue // broken before the head was sent, which is as good
		}
		if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: got %v, the response looks whole", framing, err)
		}
	}
}

func TestStalledUploadIsAnsweredWhenThePeerDies(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{}, peer.addr())
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc")
	p := peer.accept()
	p.head()
	p.exactly("abc")
	_ = p.Close()
	if resp, _ := client.response("POST"); resp.StatusCode != 502 || resp.Header.Get("X-Weir-Error") != string(messages.CodeReset) || !resp.Close {
		t.Errorf("got %v", resp)
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		server        nethttp.ServerConfig
		status        int
		code          string
	}{
		{"a head too large", "GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 70<<10) + "\n\n", nethttp.ServerConfig{}, 431, "bad_request"},
		{"too many fields", "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: x\n", 101) + "\n", nethttp.ServerConfig{}, 431, "bad_request"},
		{"as many fields as may be", "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: x\n", 100) + "\n", nethttp.ServerConfig{}, 200, ""},
		{"a tunnel through the proxy", "CONNECT a:443 HTTP/1.1\nHost: a:443\n\n", nethttp.ServerConfig{}, 400, "bad_request"},
		{"a slow body", "POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc", nethttp.ServerConfig{BodyTimeout: short}, 408, "client_slow"},
		{"two lengths", "POST / HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Length: 4\n\nabc", nethttp.ServerConfig{}, 400, "bad_request"},
		{"two hosts", "GET / HTTP/1.1\nHost: a\nHost: b\n\n", nethttp.ServerConfig{}, 400, "bad_request"},
		{"chunks that are none", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nxyz\nGET / HTTP/1.1\nHost: a\n\n", nethttp.ServerConfig{}, 400, "bad_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := peertest.Start(t)
			h := open(t, plan{server: tt.server}, peer.Addr())
			client := dial(t, h.addr)
			client.send("%s", tt.request)
			resp, _ := client.response("GET")
			if resp.StatusCode != tt.status || resp.Header.Get("X-Weir-Error") != tt.code {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, resp.Header.Get("X-Weir-Error"), tt.status, tt.code)
			}
			if tt.status == 200 {
				return
			}
			if !client.ended() {
				t.Error("the connection stays")
			}
		})
	}
}

func TestSlowHeadAndIdleConnectionsAreClosed(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{server: nethttp.ServerConfig{HeadTimeout: short, IdleTimeout: short}}, peer.Addr())
	slow := dial(t, h.addr)
	slow.send("GET / HTTP/1.1\nHost")
	if _, err := io.Copy(io.Discard, slow.r); err != nil {
		t.Errorf("slow head: %v", err)
	}
	idle := dial(t, h.addr)
	idle.send("GET / HTTP/1.1\nHost: a\n\n")
	idle.response("GET")
	if !idle.ended() {
		t.Error("an idle connection stays")
	}
}

func TestClientThatStopsReadingIsCut(t *testing.T) {
	peer := peertest.Start(t)
	peer.Answer(peertest.Response{Body: make([]byte, 32<<20)})
	h := open(t, plan{server: nethttp.ServerConfig{WriteTimeout: short}}, peer.Addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	peer.Await(1)
	peer.AwaitConns(0) // the peer's connection was broken, so the response was given up
}

// TestUnreadBodyIsNoRequest answers before the body was read: what is left of it
// must not be taken for the next request.
func TestUnreadBodyIsNoRequest(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\nHost: a\n\n"
	t.Run("a small rest saves the connection", func(t *testing.T) {
		peer := peertest.Start(t)
		h := open(t, plan{route: messages.RouteSpec{Host: "b"}}, peer.Addr())
		client := dial(t, h.addr)
		client.send("POST / HTTP/1.1\nHost: a\nContent-Length: %d\n\n%s", len(smuggled)+3, smuggled)
		client.response("POST")
		client.send("GET / HTTP/1.1\nHost: b\n\n")
		if resp, _ := client.response("GET"); resp.StatusCode != 200 {
			t.Errorf("then came %d", resp.StatusCode)
		}
		if seen := peer.Requests(); len(seen) != 1 || seen[0].Target != "/" {
			t.Errorf("peer saw %v", seen)
		}
	})
	t.Run("a peer's early answer ends it", func(t *testing.T) {
		peer := scripted(t)
		h := open(t, plan{}, peer.addr())
		client := dial(t, h.addr)
		client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 10000000\n\nabc")
		p := peer.accept()
		p.head()
		p.exactly("abc")
		p.send("HTTP/1.1 413 Too Large\nContent-Length: 0\n\n")
		if resp, _ := client.response("POST"); resp.StatusCode != 413 || !resp.Close {
			t.Errorf("got %v", resp)
		}
		if !client.ended() {
			t.Error("the connection stays")
		}
	})
}

// coreFunc is a core that is a function.
type coreFunc func(*proxy.Exchange)

func (f coreFunc) Serve(x *proxy.Exchange) { f(x) }

func TestPanicCostsOneConnection(t *testing.T) {
	h := open(t, plan{core: coreFunc(func(*proxy.Exchange) { panic("at the disco") })})
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if !client.ended() {
		t.Error("there was an answer")
	}
	if log := h.log.String(); !strings.Contains(log, "at the disco") || !strings.Contains(log, "level=ERROR") {
		t.Errorf("logged %q", log)
	}
}

func TestExchangeTellsTheClient(t *testing.T) {
	got := make(chan string, 1)
	h := open(t, plan{core: coreFunc(func(x *proxy.Exchange) {
		got <- fmt.Sprint(x.Remote, x.RemoteText, x.Listener.Name, x.Request.Proto, x.Request.Scheme, x.Request.Authority, x.Request.Body, x.Done != nil)
		x.Response.Status = 204
		_ = x.Client.Head(&x.Response)
	})})
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: Ex.COM:80\n\n")
	client.response("GET")
	if want := fmt.Sprint(client.LocalAddr(), "127.0.0.1", "test", "HTTP/1.1", "http", "Ex.COM:80", nil, true); <-got != want {
		t.Errorf("want %s", want)
	}
}
