package nethttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	headpack "golang.org/x/net/http2/hpack"

	"github.com/weirproxy/weir/proxy"
)

// TestBothSidesTalkAtOnce has client and peer answer each other within one
// request, as gRPC does, and the peer end with trailers that it did not announce.
func TestBothSidesTalkAtOnce(t *testing.T) {
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // always there
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		for lines := bufio.NewScanner(r.Body); lines.Scan(); w.(http.Flusher).Flush() {
			_, _ = fmt.Fprintf(w, "re: %s\n", lines.Text())
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", r.Header.Get("Te"))
	}))
	t.Cleanup(peer.Close)
	ca := newListenerCA(t)
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			p := plan{}
			m.apply(&p, ca)
			h := open(t, p, peer.Listener.Addr().String())
			said, say := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), "POST", m.scheme()+"://"+h.addr, said)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/grpc")
			req.Header.Set("Te", "trailers")
			resp, err := m.client(t, ca).RoundTrip(req) // the head comes before the body
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			heard := bufio.NewScanner(resp.Body)
			for i := range 3 {
				if _, err := fmt.Fprintf(say, "%d\n", i); err != nil {
					t.Fatal(err)
				}
				if !heard.Scan() || heard.Text() != fmt.Sprintf("re: %d", i) {
					t.Fatalf("heard %q, %v", heard.Text(), heard.Err())
				}
			}
			_ = say.Close()
			if heard.Scan() || heard.Err() != nil {
				t.Errorf("then %q, %v", heard.Text(), heard.Err())
			}
			if resp.Trailer.Get("Grpc-Status") != "0" {
				t.Errorf("trailers %v", resp.Trailer)
			}
		})
	}
}

// headAlone is a core that answers with a head and nothing behind it.
type headAlone struct{}

func (headAlone) Serve(x *proxy.Exchange) {
	r := &x.Response
	r.Status, r.ContentLength = 200, 0
	r.Header.Add("Content-Type", "application/grpc")
	r.Header.Add("Grpc-Status", "5")
	_ = x.Client.Head(r) // the client tells
}

// TestAnAnswerWithoutABodyEndsWithItsHead is what gRPC calls Trailers-Only: an
// error is read from a head that ends the stream.
func TestAnAnswerWithoutABodyEndsWithItsHead(t *testing.T) {
	ca := newListenerCA(t)
	for _, tls := range []bool{false, true} {
		m := manner{tls: tls, http2: true}
		p := plan{core: headAlone{}}
		m.apply(&p, ca)
		h := open(t, p)
		c := newFrameClient(t, m, ca, h.addr)
		if err := c.request(1, true); err != nil {
			t.Fatal(err)
		}
		for f := c.next(); ; f = c.next() {
			head, ok := f.(*http2.HeadersFrame)
			if !ok {
				if f == nil || f.Header().StreamID != 0 {
					t.Fatalf("got %v, want a head", f)
				}
				continue
			}
			fields, err := headpack.NewDecoder(4096, nil).DecodeFull(head.HeaderBlockFragment())
			if text := fmt.Sprint(fields); err != nil || !head.StreamEnded() || !strings.Contains(text, "grpc-status") {
				t.Errorf("got %v %s, %v", head, text, err)
			}
			break
		}
	}
}
