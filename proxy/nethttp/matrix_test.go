package nethttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// manyPeer answers each path in its own way.
func manyPeer(t testing.TB) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Header.Get("X-Forwarded-Proto"))
		_, _ = io.WriteString(w, "hello")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Late", "not announced")
	})
	mux.HandleFunc("/unmodified", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", `"e"`)
		w.WriteHeader(304)
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(103)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "hinted")
	})
	peer := httptest.NewServer(mux)
	t.Cleanup(peer.Close)
	return peer.Listener.Addr().String()
}

// shape is a way of a request and its response.
type shape struct {
	method, path string
	body         io.Reader
	change       func(*http.Request)
	want         map[string]string
}

// unsized hides the length of a body.
type unsized struct{ io.Reader }

func shapes(scheme string) map[string]shape {
	long := strings.Repeat("0123456789", 20_000)
	return map[string]shape{
		"HEAD":        {method: "HEAD", path: "/get", want: map[string]string{"status": "200", "length": "5", "X-Proto": scheme}},
		"304":         {method: "GET", path: "/unmodified", want: map[string]string{"status": "304", "Etag": `"e"`}},
		"early hints": {method: "GET", path: "/hints", want: map[string]string{"status": "200", "body": "hinted", "length": "6", "103 Link": "</style.css>"}},
		"POST with a length": {method: "POST", path: "/echo", body: strings.NewReader(long),
			want: map[string]string{"status": "200", "body": long, "length": "-1", "trailer X-Late": "not announced"}},
		"a body that waits for 100": {method: "POST", path: "/echo", body: strings.NewReader("waited"),
			change: func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
			want:   map[string]string{"status": "200", "body": "waited", "length": "-1", "trailer X-Late": "not announced", "100": "came"}},
	}
}

// TestEveryShapeInEveryManner sends each kind of request over each protocol. Of the
// bodies, see TestTransports.
func TestEveryShapeInEveryManner(t *testing.T) {
	ca := newListenerCA(t)
	addr := manyPeer(t)
	for _, m := range manners() {
		p := plan{}
		m.apply(&p, ca)
		h := open(t, p, addr)
		tr := m.client(t, ca)
		for name, s := range shapes(m.scheme()) {
			t.Run(name+" over "+m.name, func(t *testing.T) {
				if diff := cmp.Diff(s.want, s.send(t, tr, m.scheme()+"://"+h.addr, m.http2)); diff != "" {
					t.Errorf("the answer differs (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// send returns what is to be known of the answer.
func (s shape) send(t *testing.T, tr *http.Transport, url string, http2 bool) map[string]string {
	t.Helper()
	got := map[string]string{}
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got100Continue: func() { got["100"] = "came" },
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code != 100 {
				got[fmt.Sprint(code, " Link")] = h.Get("Link")
			}
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, s.method, url+s.path, s.body)
	if err != nil {
		t.Fatal(err)
	}
	if s.change != nil {
		s.change(req)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || (resp.ProtoMajor == 2) != http2 {
		t.Errorf("%s: read the body: %v", resp.Proto, err)
	}
	got["status"], got["body"], got["length"] = fmt.Sprint(resp.StatusCode), string(body), fmt.Sprint(resp.ContentLength)
	for _, name := range []string{"X-Proto", "Etag"} {
		got[name] = resp.Header.Get(name)
	}
	for name := range resp.Trailer {
		got["trailer "+name] = resp.Trailer.Get(name)
	}
	if resp.StatusCode == 304 {
		delete(got, "length") // says nothing of a 304
	}
	for key, value := range got {
		if value == "" {
			delete(got, key)
		}
	}
	return got
}

// TestUpgradeOverTLS joins a client of TLS and a plain peer.
func TestUpgradeOverTLS(t *testing.T) {
	ca, peer := newListenerCA(t), scripted(t)
	p := plan{}
	manner{tls: true}.apply(&p, ca)
	p.server.WriteTimeout = short
	h := open(t, p, peer.addr())
	client := ca.dial(t, h.addr, ca.trust("a", "h2", "http/1.1")) // h2 is preferred by both
	if proto := negotiated(client); proto != "h2" {
		t.Errorf("agreed on %q", proto)
	}
	client = ca.dial(t, h.addr, ca.trust("a", "http/1.1"))
	client.send("GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\nearly")
	wire := peer.accept()
	wire.head()
	wire.send("HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\n\nfirst")
	if head := client.head(); !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		t.Fatalf("got %q", head)
	}
	client.exactly("first")
	wire.exactly("early")
	big := strings.Repeat("x", 16<<20)
	go client.send("%s", big)
	if n, err := io.CopyN(io.Discard, wire.r, int64(len(big))); err != nil {
		t.Errorf("the peer got %d bytes: %v", n, err)
	}
	go wire.send("%s", big)
	<-time.After(4 * short) // a client that takes it slowly; WriteTimeout is not for tunnels
	if n, err := io.CopyN(io.Discard, client.r, int64(len(big))); err != nil {
		t.Errorf("the client got %d bytes: %v", n, err)
	}
	_ = wire.Close()
	if !client.ended() {
		t.Error("the peer's end does not reach the client")
	}
}
