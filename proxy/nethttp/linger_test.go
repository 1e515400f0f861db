package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// answersEarly is a peer that answers before it has the body, over HTTP/2.
func answersEarly(t *testing.T, secure bool) (*house, *listenerCA) {
	peer := serve(t, serving{h2: true}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "no") // whoever is gone needs no answer
	})
	p := plan{transport: messages.Transport{ALPN: messages.H2}}
	if !secure {
		return open(t, p, peer.addr), nil
	}
	ca := newListenerCA(t)
	p.server = nethttp.ServerConfig{TLS: ca.config()}
	return open(t, p, peer.addr), ca
}

// A client that goes on sending what nobody wants gets to read the answer: were the
// connection closed at once, what comes then would take it from the client.
func TestAnEarlyAnswerReachesAClientThatIsStillSending(t *testing.T) {
	piece := strings.Repeat("x", 10_000)
	for name, framing := range map[string]string{
		"a short rest": "Content-Length: 50003", "a long rest": "Content-Length: 10000003", "chunks": "Transfer-Encoding: chunked",
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %t", name, secure), func(t *testing.T) {
				h, ca := answersEarly(t, secure)
				var client *wire
				if secure {
					client = ca.dial(t, h.addr, ca.trust("a"))
				} else {
					client = dial(t, h.addr)
				}
				begin := "abc"
				if strings.HasPrefix(framing, "Transfer") {
					begin = "3\r\nabc\r\nC350\r\n"
				}
				client.raw("POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n" + begin)
				if resp, body := client.response("POST"); resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close || body != "no" {
					t.Errorf("got %d, close %t, %q", resp.StatusCode, resp.Close, body)
				}
				for i := range 5 {
					<-time.After(5 * time.Millisecond)
					if _, err := io.WriteString(client, piece); err != nil {
						t.Fatalf("piece %d: %v", i, err)
					}
				}
				if !client.ended() {
					t.Error("the connection is not half closed")
				}
			})
		}
	}
}

func TestLingeringEndsWithTheServer(t *testing.T) {
	h, _ := answersEarly(t, false)
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 50003\n\nabc")
	client.response("POST") // and it stays, and says nothing
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := h.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	if took := time.Since(began); took > patience/4 {
		t.Errorf("it took %v", took)
	}
}

// Of a response that broke nothing more is to be read.
func TestNobodyLingersAfterABrokenResponse(t *testing.T) {
	broken := scripted(t)
	h := open(t, plan{}, broken.addr())
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 50003\n\nabc")
	p := broken.accept()
	p.head()
	p.exactly("abc")
	p.send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n")
	client.head()
	_ = p.Close() // in the middle
	began := time.Now()
	if !client.broken() {
		t.Error("the connection stays")
	}
	eventually(t, "what is sent is refused", func() bool { _, err := io.WriteString(client, "x"); return err != nil })
	if took := time.Since(began); took > patience/3 {
		t.Errorf("it lingers for %v", took)
	}
}

func TestWhoLingersCounts(t *testing.T) {
	peer := serve(t, serving{h1: true}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	h := open(t, plan{server: nethttp.ServerConfig{MaxConnections: 1}}, peer.addr)
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 10000003\n\nabc")
	client.response("POST")
	if !client.ended() {
		t.Error("the connection is not half closed")
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); <-time.After(20 * time.Millisecond) { // net/http alone waits half of that
		if open := h.server.Stats().Open; open != 1 {
			t.Fatalf("%d connections are open", open)
		}
	}
	other := dial(t, h.addr)
	other.send("GET / HTTP/1.1\nHost: a\n\n")
	if resp, _ := other.response("GET"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d beside it", resp.StatusCode)
	}
	_ = client.Close() // it gives up
	eventually(t, "it counts no more", func() bool { return h.server.Stats().Open == 0 })
}
