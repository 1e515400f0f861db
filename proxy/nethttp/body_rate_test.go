package nethttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/weirproxy/weir/proxy/nethttp"
)

// talkative is a peer that answers before, or after, it has the request's body.
func talkative(t *testing.T) string {
	mux := http.NewServeMux()
	echo := func(w io.Writer, r io.Reader, flush func() error) {
		_ = flush()
		for lines := bufio.NewScanner(r); lines.Scan(); _ = flush() {
			_, _ = fmt.Fprintf(w, "re: %s\n", lines.Text())
		}
	}
	mux.HandleFunc("/talk", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex() // always there
		echo(w, r.Body, rc.Flush)
	})
	mux.HandleFunc("/collect", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "re: %s", body)
	})
	mux.HandleFunc("/tunnel", func(w http.ResponseWriter, _ *http.Request) {
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = both.WriteString("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		echo(both, both, both.Flush)
	})
	peer := httptest.NewServer(mux)
	t.Cleanup(peer.Close)
	return peer.Listener.Addr().String()
}

// upload is a request of which the body comes as it is said.
type upload struct {
	say  *io.PipeWriter
	done chan struct{} // closed when the head came, or none will
	resp *http.Response
	err  error
}

func newUpload(t *testing.T, tr http.RoundTripper, url, kind string) *upload {
	t.Helper()
	said, say := io.Pipe()
	t.Cleanup(func() { _ = say.Close() })
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, said)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	u := &upload{say: say, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		u.resp, u.err = tr.RoundTrip(req)
	}()
	if _, err := io.WriteString(say, "first\n"); err != nil {
		t.Error(err)
	}
	return u
}

// drip says a byte now and then, until nobody listens.
func (u *upload) drip() {
	for range time.Tick(100 * time.Millisecond) {
		if _, err := io.WriteString(u.say, "x"); err != nil {
			return
		}
	}
}

func (u *upload) answer(t *testing.T) *http.Response {
	t.Helper()
	<-u.done
	if u.err != nil {
		t.Fatal(u.err)
	}
	t.Cleanup(func() { _ = u.resp.Body.Close() })
	return u.resp
}

// hear ends what u says and tests what it was answered.
func (u *upload) hear(t *testing.T, want string) {
	t.Helper()
	if _, err := io.WriteString(u.say, "last\n"); err != nil {
		t.Errorf("say more: %v", err)
	}
	_ = u.say.Close()
	resp := u.answer(t)
	if got, err := io.ReadAll(resp.Body); string(got) != want || err != nil {
		t.Errorf("heard %d %q (%v), want %q", resp.StatusCode, got, err, want)
	}
}

// TestSlowBodiesAreCutAndThoseWhoMayBeSilentAreNot has clients fall silent, and then
// one send its body byte by byte. When that one is cut, the others go on.
func TestSlowBodiesAreCutAndThoseWhoMayBeSilentAreNot(t *testing.T) {
	ca, addr := newListenerCA(t), talkative(t)
	for _, m := range manners() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			p := plan{server: nethttp.ServerConfig{MinBodyRate: 240}}
			m.apply(&p, ca)
			h := open(t, p, addr)
			tr, url := m.client(t, ca), m.scheme()+"://"+h.addr
			talk := newUpload(t, tr, url+"/talk", "text/plain")
			talk.answer(t)
			var call *upload
			if m.http2 {
				call = newUpload(t, tr, url+"/collect", "application/grpc+proto")
			}
			var tunnel *wire
			if m.name == "HTTP/1.1" {
				tunnel = dial(t, h.addr)
				tunnel.send("GET /tunnel HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
				tunnel.head()
			}
			// What only looks like gRPC is not.
			dripping := newUpload(t, tr, url+"/collect", "application/grpc-web")
			go dripping.drip()
			slow := dripping.answer(t)
			if slow.StatusCode != 408 || slow.Header.Get("X-Weir-Error") != "client_slow" {
				t.Errorf("a client that is slow got %d %v", slow.StatusCode, slow.Header)
			}
			talk.hear(t, "re: first\nre: last\n")
			if call != nil {
				call.hear(t, "re: first\nlast\n")
			}
			if tunnel != nil {
				tunnel.raw("x\n")
				tunnel.exactly("re: x\n")
			}
		})
	}
}
