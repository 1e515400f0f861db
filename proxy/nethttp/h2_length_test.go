package nethttp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// wholePeer notes the paths of requests that it got to their end.
type wholePeer struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newWholePeer(t *testing.T) *wholePeer {
	p := &wholePeer{}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.seen = append(p.seen, r.URL.Path+" "+string(body))
		}
	}))
	var both http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	p.Config.Protocols = &both
	p.Start()
	t.Cleanup(p.Close)
	return p
}

// TestBodiesOfAnotherLengthThanTheySay over HTTP/2 are malformed (RFC 9113, 8.1.1).
func TestBodiesOfAnotherLengthThanTheySay(t *testing.T) {
	long := strings.Repeat("x", 16_000)
	for name, tt := range map[string]struct {
		length string
		data   []string // the last one ends the stream
		want   string   // of the body that the peer gets; "-" = none
	}{
		"a length with a sign":              {"+3", []string{"abc"}, "-"},
		"a list of lengths":                 {"3, 3", []string{"abc"}, "-"},
		"too short":                         {"10", []string{"abc"}, "-"},
		"too short by all":                  {"10", []string{""}, "-"},
		"too long":                          {"2", []string{"abc"}, "-"},
		"too long in another frame":         {"3", []string{"abc", "d"}, "-"},
		"too long behind much":              {"16000", []string{long, "d"}, "-"},
		"not empty":                         {"0", []string{"abc"}, "-"},
		"not empty, late":                   {"0", []string{"", "abc"}, "-"},
		"as it says":                        {"3", []string{"abc"}, "abc"},
		"as it says, and ended later":       {"3", []string{"a", "bc", ""}, "abc"},
		"much, as it says":                  {"32000", []string{long, long}, long + long},
		"empty, as it says, and ended late": {"0", []string{""}, ""},
	} {
		for _, alpn := range []messages.ALPN{messages.H1, messages.H2} {
			t.Run(name+" over "+string(alpn), func(t *testing.T) {
				peer := newWholePeer(t)
				h := open(t, plan{server: nethttp.ServerConfig{H2C: true}, transport: messages.Transport{ALPN: alpn}}, peer.Listener.Addr().String())
				c := newFrameClient(t, manner{http2: true}, nil, h.addr)
				var post func(stream uint32, path, length string, data ...string) bool
				post = func(stream uint32, path, length string, data ...string) (answered bool) {
					head := c.fields(":method", "POST", ":scheme", "http", ":path", path, ":authority", "a", "content-length", length)
					if err := c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head, EndHeaders: true}); err != nil {
						t.Fatal(err)
					}
					for i, part := range data {
						if i == 1 && !post(stream+2, "/meanwhile", "2", "ok") { // what was sent is dealt with
							t.Error("a request meanwhile fails")
						}
						if err := c.fr.WriteData(stream, i == len(data)-1, []byte(part)); err != nil {
							t.Fatal(err)
						}
					}
					status := ""
					c.until("the end of the stream", func(f http2.Frame) bool {
						if f.Header().StreamID != stream {
							return false
						}
						switch f := f.(type) {
						case *http2.HeadersFrame:
							status = statusOf(f.HeaderBlockFragment())
							return f.StreamEnded()
						case *http2.DataFrame:
							return f.StreamEnded()
						case *http2.RSTStreamFrame:
							return true
						}
						return false
					})
					if answered = status == "200"; !answered && status != "400" && status != "" {
						t.Errorf("got %s", status)
					}
					return answered
				}
				var want []string
				if len(tt.data) > 1 {
					want = append(want, "/meanwhile ok")
				}
				if tt.want != "-" {
					want = append(want, "/ "+tt.want)
				}
				want = append(want, "/after ok")
				if post(1, "/", tt.length, tt.data...) != (tt.want != "-") {
					t.Error("it was answered as if it were whole, or not")
				}
				if !post(5, "/after", "2", "ok") {
					t.Error("the next request fails")
				}
				h.quiet(t, peer.Listener.Addr().String())
				peer.Close() // waits for what it is at
				if strings.Join(peer.seen, "|") != strings.Join(want, "|") {
					t.Errorf("the peer saw %.80q, want %.80q", peer.seen, want)
				}
			})
		}
	}
}
