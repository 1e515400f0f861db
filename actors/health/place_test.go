package health

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// TestProbesReachUnixSockets probes a peer that has a path for an address.
func TestProbesReachUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peer.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	hosts := make(chan string, 10)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host })}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	for _, kind := range []messages.CheckKind{messages.CheckTCP, messages.CheckHTTP} {
		if r := Probe(t.Context(), messages.CheckSpec{Kind: kind}, "unix:"+path); !r.OK() {
			t.Errorf("%s: %s %s", kind, r.Code, r.Detail)
		}
	}
	if host := <-hosts; host != "localhost" {
		t.Errorf("Host: %q", host)
	}
	if r := Probe(t.Context(), tcpCheck(), "unix:"+path+".gone"); r.Code != messages.CodeConnectFailed || r.Detail != "no such file or directory" {
		t.Errorf("a path that is not there: %s %s", r.Code, r.Detail)
	}
	if r := Probe(t.Context(), messages.CheckSpec{Kind: messages.CheckTCP, Port: 80}, "unix:"+path); r.OK() {
		t.Error("a unix socket has no port")
	}
}

// TestProbesBeginAsThePeerExpects has peers that want the PROXY protocol.
func TestProbesBeginAsThePeerExpects(t *testing.T) {
	for version, want := range map[messages.ProxyProtocol]string{
		"":               "",
		messages.ProxyV1: "PROXY UNKNOWN\r\n",
		messages.ProxyV2: "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x20\x00\x00\x00",
	} {
		for _, kind := range []messages.CheckKind{messages.CheckTCP, messages.CheckHTTP} {
			got := make(chan string, 1)
			addr := servePeer(t, func(c net.Conn) {
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
				head := make([]byte, len(want))
				if _, err := io.ReadFull(c, head); err != nil {
					got <- err.Error()
					return
				}
				got <- string(head)
				if kind == messages.CheckHTTP {
					if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				}
			})
			r := Probe(t.Context(), messages.CheckSpec{Kind: kind, ProxyProtocol: version}, addr)
			if seen := <-got; !r.OK() || !strings.HasPrefix(seen, want) || len(seen) != len(want) {
				t.Errorf("%s %q: %s %s; the peer got %q", kind, version, r.Code, r.Detail, seen)
			}
		}
	}
}
