package nethttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// TestLimitsHoldInEveryManner breaks one limit after the other.
func TestLimitsHoldInEveryManner(t *testing.T) {
	ca := newListenerCA(t)
	slow := func(r *http.Request) { // a body that begins and does not go on
		body, write := io.Pipe()
		go func() { _, _ = io.WriteString(write, "abc") }()
		t.Cleanup(func() { _ = write.Close() })
		r.Method, r.Body, r.ContentLength = "POST", body, 100
	}
	for name, tt := range map[string]struct {
		limit  nethttp.ServerConfig
		change func(*http.Request)
		status int
		code   string
	}{
		"a head within the limits": {nethttp.ServerConfig{}, func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 60_000)) }, 200, ""},
		"a head that is too large": {nethttp.ServerConfig{MaxHeadBytes: 2000}, func(r *http.Request) {
			r.Header["X"] = []string{strings.Repeat("x", 1000), strings.Repeat("y", 1000), strings.Repeat("z", 500)}
		}, 431, ""},
		"too many fields":       {nethttp.ServerConfig{MaxFields: 5}, func(r *http.Request) { r.Header["X"] = []string{"1", "2", "3", "4", "5", "6"} }, 431, ""},
		"a body that stops":     {nethttp.ServerConfig{BodyTimeout: short}, slow, 408, "client_slow"},
		"a body below the rate": {nethttp.ServerConfig{BodyTimeout: -1, MinBodyRate: 1000}, slow, 408, "client_slow"},
	} {
		for _, m := range manners() {
			t.Run(name+" over "+m.name, func(t *testing.T) {
				t.Parallel()
				peer := peertest.Start(t)
				p := plan{server: tt.limit}
				m.apply(&p, ca)
				h := open(t, p, peer.Addr())
				req, err := http.NewRequestWithContext(t.Context(), "GET", m.scheme()+"://"+h.addr, nil)
				if err != nil {
					t.Fatal(err)
				}
				tt.change(req)
				tr := m.client(t, ca)
				resp, err := tr.RoundTrip(req)
				if err != nil && tt.status == 431 && strings.Contains(err.Error(), "larger than peer's advertised limit") {
					return // the client heard of the limit before it sent
				}
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != tt.status || tt.code != "" && resp.Header.Get("X-Weir-Error") != tt.code {
					t.Errorf("got %d %v", resp.StatusCode, resp.Header)
				}
			})
		}
	}
}

// TestAClientThatTakesNothingIsCut lets a response of a size that fits in no
// buffer wait for its client.
func TestAClientThatTakesNothingIsCut(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			peer := peertest.Start(t)
			peer.Answer(peertest.Response{Body: make([]byte, 32<<20)})
			p := plan{server: nethttp.ServerConfig{WriteTimeout: short}}
			m.apply(&p, ca)
			h := open(t, p, peer.Addr())
			switch {
			case m.http2: // it reads, but allows one byte
				c := newFrameClient(t, m, ca, h.addr, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
				if err := c.request(1, true); err != nil {
					t.Fatal(err)
				}
			case m.tls:
				ca.dial(t, h.addr, ca.trust("a")).send(askA)
			default:
				dial(t, h.addr).send(askA)
			}
			peer.Await(1)
			h.quiet(t, peer.Addr())
		})
	}
}

// TestIdleConnectionsEnd waits for the end of a connection after a response, and
// of one on which nothing but PINGs come.
func TestIdleConnectionsEnd(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			peer := peertest.Start(t)
			p := plan{server: nethttp.ServerConfig{IdleTimeout: 4 * short}}
			m.apply(&p, ca)
			h := open(t, p, peer.Addr())
			if !m.http2 {
				w := dial(t, h.addr)
				if m.tls {
					w = ca.dial(t, h.addr, ca.trust("a"))
				}
				w.send(askA)
				w.response("GET")
				if !w.ended() {
					t.Error("it stays")
				}
				return
			}
			c := newFrameClient(t, m, ca, h.addr)
			if err := c.request(1, true); err != nil {
				t.Fatal(err)
			}
			pings := 0
			for f := c.next(); f != nil; f = c.next() {
				if away, ok := f.(*http2.GoAwayFrame); ok && away.ErrCode != http2.ErrCodeNo {
					t.Errorf("got %v", away)
				}
				if pings++; pings < 100 {
					_ = c.fr.WritePing(false, [8]byte{}) // the answer comes here, or the end
				}
			}
		})
	}
}

// TestHeadsThatDoNotEndInTime over HTTP/2 end the connection, though another
// stream is in use.
func TestHeadsThatDoNotEndInTime(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners()[2:] {
		for name, begin := range map[string]func(*frameClient) error{
			"continuations that do not come": func(c *frameClient) error {
				return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: c.head()})
			},
			"half a frame": func(c *frameClient) error {
				_, err := c.Write([]byte{0, 0, 200, 1, 5, 0, 0, 0, 3, 0x82})
				return err
			},
		} {
			t.Run(name+" over "+m.name, func(t *testing.T) {
				peer := peertest.Start(t)
				peer.Set(peertest.Hang())
				p := plan{server: nethttp.ServerConfig{HeadTimeout: 4 * short}}
				m.apply(&p, ca)
				h := open(t, p, peer.Addr())
				c := newFrameClient(t, m, ca, h.addr)
				if err := c.request(1, true); err != nil {
					t.Fatal(err)
				}
				peer.Await(1)
				if err := begin(c); err != nil {
					t.Fatal(err)
				}
				if e := <-c.untilEnd(); !e.closed {
					t.Error("it stays")
				}
				h.quiet(t, peer.Addr())
			})
		}
	}
}

func TestStreamsBeyondTheLimitAreReset(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners()[2:] {
		for limit, want := range map[int]uint32{0: 128, -1: 128, 3: 3} {
			peer := peertest.Start(t)
			peer.Set(peertest.Hang())
			p := plan{server: nethttp.ServerConfig{MaxH2Streams: limit}}
			m.apply(&p, ca)
			h := open(t, p, peer.Addr())
			c := newFrameClient(t, m, ca, h.addr)
			settings, ok := c.next().(*http2.SettingsFrame)
			if !ok {
				t.Fatal("the first frame is not SETTINGS")
			}
			if got, _ := settings.Value(http2.SettingMaxConcurrentStreams); got != want {
				t.Errorf("%s, %d: told %d, want %d", m.name, limit, got, want)
			}
			if limit != 3 {
				continue
			}
			_ = c.fr.WriteSettingsAck() // the requests tell
			for i := range uint32(5) {
				if err := c.request(2*i+1, true); err != nil {
					t.Fatal(err)
				}
			}
			for reset := 0; reset < 2; {
				switch f := c.next().(type) {
				case nil:
					t.Fatal("closed")
				case *http2.RSTStreamFrame:
					if f.StreamID < 7 {
						t.Errorf("%v", f)
					}
					reset++
				}
			}
			peer.Await(3)
			if s := h.server.Stats(); s.Streams != 3 || s.HTTP2 != 1 || s.Open != 1 {
				t.Errorf("counted %+v", s)
			}
			_ = c.Close()
			for deadline := time.Now().Add(patience); h.server.Stats().HTTP2+h.server.Stats().Streams+h.server.Stats().Open > 0; <-time.After(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("after the end: %+v", h.server.Stats())
				}
			}
			if n := len(peer.Requests()); n != 3 {
				t.Errorf("%d requests reached the peer", n)
			}
		}
	}
}
