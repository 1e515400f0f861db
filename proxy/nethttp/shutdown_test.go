package nethttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy/nethttp"
)

func h2cClient(t testing.TB) *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &protocols}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestH2C(t *testing.T) {
	peer := peertest.Start(t)
	peer.AnswerWith(func(r peertest.Request) peertest.Response {
		return peertest.Response{Header: http.Header{"X-Trailer": r.Trailer["X-Sum"]}, Body: r.Body}
	})
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}}, peer.Addr())
	client := h2cClient(t)
	body := bytes.Repeat([]byte("x"), 1<<20)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+h.addr+"/a%2Fb?q", struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Sum": {"s"}}
	resp, err := client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, body) || resp.ProtoMajor != 2 || resp.Header.Get("X-Trailer") != "s" {
		t.Errorf("got %d bytes, %v, %s, trailer %q", len(got), err, resp.Proto, resp.Header.Get("X-Trailer"))
	}
	if seen := peer.Requests()[0]; seen.Target != "/a%2Fb?q" {
		t.Errorf("peer saw %q", seen.Target)
	}
	if ct := resp.Header["Content-Type"]; ct != nil {
		t.Errorf("Content-Type %q was added", ct)
	}
}

func TestH2CStreamThatIsNotReadIsCut(t *testing.T) {
	peer := peertest.Start(t)
	peer.Answer(peertest.Response{Body: make([]byte, 32<<20)})
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true, WriteTimeout: short}}, peer.Addr())
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+h.addr, nil)
	resp, err := h2cClient(t).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	peer.AwaitConns(0)
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the response looks whole")
	}
}

func TestDrainTellsClientsToClose(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{}, peer.Addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if resp, _ := client.response("GET"); resp.Close {
		t.Error("told to close before")
	}
	h.server.Drain()
	client.send("GET / HTTP/1.1\nHost: a\n\n")
	if resp, _ := client.response("GET"); !resp.Close {
		t.Error("not told to close")
	}
	if !client.ended() {
		t.Error("the connection stays")
	}
}

func TestShutdown(t *testing.T) {
	begin := func(t *testing.T) (h *house, request, tunnel, p, tunnelPeer *wire) {
		peer := scripted(t)
		h = open(t, plan{}, peer.addr())
		request = dial(t, h.addr)
		request.send("GET / HTTP/1.1\nHost: a\n\n")
		p = peer.accept()
		p.head()
		tunnel = dial(t, h.addr)
		tunnel.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
		tunnelPeer = peer.accept()
		tunnelPeer.head()
		tunnelPeer.send("HTTP/1.1 101 S\nConnection: Upgrade\nUpgrade: x\n\n")
		tunnel.head()
		return h, request, tunnel, p, tunnelPeer
	}
	t.Run("waits for requests and tunnels", func(t *testing.T) {
		h, request, tunnel, p, tunnelPeer := begin(t)
		down := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			down <- h.server.Shutdown(ctx)
		}()
		h.served <- <-h.served // the listener is closed
		p.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		if resp, body := request.response("GET"); body != "ok" || !resp.Close {
			t.Errorf("got %q, close %v", body, resp.Close)
		}
		tunnel.send("still")
		tunnelPeer.exactly("still")
		select {
		case err := <-down:
			t.Fatalf("Shutdown returned %v before the tunnel ended", err)
		default:
		}
		_, _ = tunnel.Close(), tunnelPeer.Close()
		if err := <-down; err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cuts what is left", func(t *testing.T) {
		h, request, tunnel, p, tunnelPeer := begin(t)
		ctx, cancel := context.WithTimeout(t.Context(), short)
		defer cancel()
		if err := h.server.Shutdown(ctx); !errors.Is(err, nethttp.ErrUnfinished) || !strings.Contains(err.Error(), "2 requests") {
			t.Errorf("got %v", err)
		}
		for i, w := range []*wire{request, tunnel, p, tunnelPeer} {
			if !w.ended() {
				t.Errorf("connection %d stays", i)
			}
		}
	})
}

func TestTunnelHasNoOtherTimeoutThanItsOwn(t *testing.T) {
	peer := scripted(t)
	limits := messages.Transport{ReadTimeout: short, WriteTimeout: short, ResponseTimeout: short, TunnelTimeout: 10 * short}
	h := open(t, plan{server: nethttp.ServerConfig{BodyTimeout: short, WriteTimeout: short, HeadTimeout: short, IdleTimeout: short}, transport: limits}, peer.addr())
	client := dial(t, h.addr)
	client.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
	p := peer.accept()
	p.head()
	p.send("HTTP/1.1 101 S\nConnection: Upgrade\nUpgrade: x\n\n")
	client.head()
	began := time.Now()
	if !client.ended() {
		t.Error("a silent tunnel stays")
	}
	if took := time.Since(began); took < 8*short {
		t.Errorf("cut after %v", took)
	}
}
