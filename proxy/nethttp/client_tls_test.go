package nethttp_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

const askA = "GET / HTTP/1.1\nHost: a\n\n"

func TestPlainHTTPOnAPortOfTLSIsToldSo(t *testing.T) {
	ca, peer := newListenerCA(t), peertest.Start(t)
	h := open(t, plan{server: nethttp.ServerConfig{TLS: ca.config()}}, peer.Addr())
	other := ca.dial(t, h.addr, ca.trust("a"))
	for name, request := range map[string]string{
		"a short request": askA,
		"a long one":      "POST / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 60_000) + "\nContent-Length: 5\n\nabcde",
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, h.addr)
			w.send("%s", request)
			resp, body := w.response("GET")
			if resp.StatusCode != 400 || resp.Header.Get("X-Weir-Error") != "bad_request" || !strings.Contains(body, "https://") || !resp.Close {
				t.Errorf("got %d %v %q", resp.StatusCode, resp.Header, body)
			}
			if !w.ended() {
				t.Error("the connection stays")
			}
		})
	}
	other.send(askA)
	if resp, _ := other.response("GET"); resp.StatusCode != 200 {
		t.Errorf("another client got %d", resp.StatusCode)
	}
	if n := len(peer.Requests()); n != 1 {
		t.Errorf("the peer saw %d requests, want 1", n)
	}
	if s := h.server.Stats(); s.HandshakesFailed != 2 || s.Handshakes.Count != 1 || s.Handshakes.Sum <= 0 || s.Accepted != 3 {
		t.Errorf("counted %+v", s)
	}
	if log := h.log.String(); strings.Count(log, "level=DEBUG msg=\"a TLS handshake failed\" listener=test remote=127.0.0.1:") != 2 {
		t.Errorf("logged %q", log)
	}
}

func TestWhatIsNoHandshakeIsClosedWithoutAWord(t *testing.T) {
	ca := newListenerCA(t)
	h := open(t, plan{server: nethttp.ServerConfig{TLS: ca.config()}})
	for name, text := range map[string]string{
		"garbage":                      strings.Repeat("\x00\xff", 50),
		"the handshake of a past time": "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
	} {
		w := dial(t, h.addr)
		w.raw(text)
		_ = w.Conn.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(w.r); bytes.Contains(got, []byte("HTTP")) || isTimeout(err) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func TestHandshakeThatDoesNotEndIsBoundedAndTakesAPlace(t *testing.T) {
	ca, peer := newListenerCA(t), peertest.Start(t)
	h := open(t, plan{server: nethttp.ServerConfig{TLS: ca.config(), MaxConnections: 1, HeadTimeout: 10 * short}}, peer.Addr())
	silent := dial(t, h.addr)
	silent.raw("\x16\x03\x01\x02") // the beginning of a record
	for deadline := time.Now().Add(patience); h.server.Stats().Open != 1; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a connection is not counted before its handshake")
		}
	}
	other := dial(t, h.addr)
	if !other.ended() {
		t.Error("a place that a handshake takes was given to another")
	}
	if !silent.broken() {
		t.Error("a handshake that does not end goes on")
	}
	for deadline := time.Now().Add(patience); ; {
		c, err := tls.Dial("tcp", h.addr, ca.trust("a"))
		if err == nil {
			w := newWire(t, c)
			w.send(askA)
			if resp, _ := w.response("GET"); resp.StatusCode != 200 {
				t.Errorf("got %d", resp.StatusCode)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is not given back: %v", err)
		}
	}
	if s := h.server.Stats(); s.HandshakesFailed != 1 || s.TurnedAway == 0 || s.Open != 1 {
		t.Errorf("counted %+v", s)
	}
}

// TestTheProtocolIsTheOneThatWasChosen has clients speak another protocol than
// they chose by ALPN.
func TestTheProtocolIsTheOneThatWasChosen(t *testing.T) {
	const greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for name, tt := range map[string]struct {
		offer  []string
		says   string
		status string // of the answer; "" = closed without one
	}{
		"HTTP/1.1 after h2":             {[]string{"h2"}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		"half a preface after h2":       {[]string{"h2"}, greeting[:16] + "xx\r\n\r\n", ""},
		"an empty line after h2":        {[]string{"h2"}, "\r\n" + greeting, ""},
		"the preface after http/1.1":    {[]string{"http/1.1"}, greeting, "HTTP/1.1 505 "},
		"the preface without a choice":  {nil, greeting, "HTTP/1.1 505 "},
		"HTTP/1.1 after http/1.1":       {[]string{"http/1.1"}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
		"HTTP/1.1 without a choice":     {nil, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
		"smuggling after http/1.1":      {[]string{"http/1.1"}, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 "},
		"another protocol in the offer": {[]string{"foo", "http/1.1"}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
	} {
		t.Run(name, func(t *testing.T) {
			ca, peer := newListenerCA(t), peertest.Start(t)
			h := open(t, plan{server: nethttp.ServerConfig{TLS: ca.config(), H2C: true}}, peer.Addr())
			w := ca.dial(t, h.addr, ca.trust("a", tt.offer...))
			w.raw(tt.says)
			if tt.status == "" {
				if !w.ended() {
					t.Error("was answered, or stays")
				}
			} else if line, err := w.r.ReadString('\n'); !strings.HasPrefix(line, tt.status) {
				t.Errorf("got %q, %v", line, err)
			}
			if n := len(peer.Requests()); (n == 1) != (tt.status == "HTTP/1.1 200 ") {
				t.Errorf("the peer saw %d requests", n)
			}
		})
	}
}

// lateListener has connections whose address is known late, as behind a proxy
// that sends the PROXY protocol.
type lateListener struct {
	net.Listener
	known chan struct{}
}

type lateConn struct {
	net.Conn
	known chan struct{}
}

func (l lateListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return lateConn{c, l.known}, err
}

func (c lateConn) RemoteAddr() net.Addr {
	<-c.known
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711}
}

func (c lateConn) LocalAddr() net.Addr {
	<-c.known
	return &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 443}
}

// addressBook is a core that notes the addresses of each exchange.
type addressBook struct{ seen chan addresses }

type addresses struct {
	remote, local netip.AddrPort
	text, scheme  string
}

func (b addressBook) Serve(x *proxy.Exchange) {
	b.seen <- addresses{x.Remote, x.Local, x.RemoteText, x.Request.Scheme}
	x.Response.Status, x.Response.ContentLength = 204, 0
	_ = x.Client.Head(&x.Response) // the client tells
}

func TestAddressesMayBeKnownLate(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			book := addressBook{make(chan addresses, 1)}
			p := plan{core: book}
			m.apply(&p, ca)
			h := open(t, p)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			known := make(chan struct{})
			go func() { _ = h.server.Serve(lateListener{l, known}) }() // ends with the house
			for range 3 {                                              // a client of which nothing is known holds up nobody
				dial(t, l.Addr().String())
			}
			for deadline := time.Now().Add(patience); h.server.Stats().Accepted != 3; <-time.After(time.Millisecond) {
				if time.Now().After(deadline) {
					close(known)
					t.Fatalf("%d are accepted while no address is known", h.server.Stats().Accepted)
				}
			}
			close(known)
			if status := ask(t, m.client(t, ca), m.scheme()+"://"+l.Addr().String()); status != 204 {
				t.Errorf("got %d", status)
			}
			want := addresses{netip.MustParseAddrPort("192.0.2.7:4711"), netip.MustParseAddrPort("[2001:db8::1]:443"), "192.0.2.7", m.scheme()}
			if got := <-book.seen; got != want {
				t.Errorf("the core got %v, want %v", got, want)
			}
		})
	}
}
