package nethttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// TestPipelinedRequests sends many requests of every framing at once, cut in
// pieces of every size.
func TestPipelinedRequests(t *testing.T) {
	peer := peertest.Start(t)
	peer.AnswerWith(func(r peertest.Request) peertest.Response {
		return peertest.Response{Body: []byte(r.Target + "=" + string(r.Body))}
	})
	h := open(t, plan{}, peer.Addr())
	var text strings.Builder
	var want []string
	for i := range 5 {
		fmt.Fprintf(&text, "GET /g%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
		fmt.Fprintf(&text, "\r\nPOST /p%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /", i)
		fmt.Fprintf(&text, "POST /c%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nGET /\r\n00\r\nX-T: 1\r\n\r\n", i)
		fmt.Fprintf(&text, "GET /u%d HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", i)
		want = append(want, fmt.Sprintf("/g%d=", i), fmt.Sprintf("/p%d=GET /", i), fmt.Sprintf("/c%d=GET /", i), fmt.Sprintf("/u%d=", i))
	}
	for _, size := range []int{1, 2, 7, 64, 1000, 10_000} {
		client := dial(t, h.addr)
		go func() {
			for rest := text.String(); rest != ""; {
				n := min(size, len(rest))
				if _, err := io.WriteString(client.Conn, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		for _, body := range want {
			resp, got := client.response("GET")
			if resp.StatusCode != 200 || got != body {
				t.Fatalf("in pieces of %d: got %d %q, want %q", size, resp.StatusCode, got, body)
			}
		}
	}
}

func TestAHeadCutShortByItsTimeIsAnswered(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{server: nethttp.ServerConfig{HeadTimeout: 4 * short, IdleTimeout: time.Minute}}, peer.Addr())
	for name, first := range map[string]string{"the first": "", "a later one": getHead + "\r\n"} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, h.addr)
			if first != "" {
				client.raw(first)
				client.response("GET")
			}
			client.raw("GET / HTTP/1.1\r\nHo")
			<-time.After(short)
			client.raw("st: a\r\n")
			if resp, _ := client.response("GET"); resp.StatusCode != 408 || resp.Header.Get("X-Weir-Error") != string(messages.CodeClientSlow) || !resp.Close {
				t.Errorf("got %v", resp)
			}
		})
	}
}

func TestASilentConnectionIsClosedInTime(t *testing.T) {
	for _, h2c := range []bool{false, true} {
		h := open(t, plan{server: nethttp.ServerConfig{HeadTimeout: short, H2C: h2c}})
		if !dial(t, h.addr).ended() {
			t.Errorf("a connection on which nothing comes stays; h2c %t", h2c)
		}
		half := dial(t, h.addr)
		half.raw("PRI * HTTP/2.0\r\n\r\nS")
		if _, err := io.Copy(io.Discard, half.r); err != nil {
			t.Errorf("half a preface, h2c %t: %v", h2c, err)
		}
	}
}

// TestAPipelinedPieceDoesNotDisturb sends a request and the beginning of the
// next one, which must not keep the first from its answer, however long that takes.
func TestAPipelinedPieceDoesNotDisturb(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{server: nethttp.ServerConfig{HeadTimeout: 4 * short}}, peer.addr())
	client := dial(t, h.addr)
	client.raw(getHead + "\r\nGET /se")
	p := peer.accept()
	p.head()
	<-time.After(6 * short)
	p.send("HTTP/1.1 204 No Content\n\n")
	if resp, _ := client.response("GET"); resp.StatusCode != 204 {
		t.Errorf("got %d", resp.StatusCode)
	}
	client.raw("cond HTTP/1.1\r\nHost: a\r\n\r\n")
	if head := p.head(); !strings.HasPrefix(head, "GET /second ") {
		t.Errorf("peer got %q", head)
	}
	p.send("HTTP/1.1 204 No Content\n\n")
	client.response("GET")
}

func TestARefusedClientCanReadTheAnswer(t *testing.T) {
	h := open(t, plan{})
	for range 20 {
		client := dial(t, h.addr)
		client.raw(postHead + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n" + strings.Repeat("x", 100<<10))
		resp, err := http.ReadResponse(bufio.NewReader(client.Conn), nil)
		if err != nil || resp.StatusCode != 400 {
			t.Fatalf("got %v, %v", resp, err)
		}
	}
}
