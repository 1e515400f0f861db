package health

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func tcpCheck() messages.CheckSpec {
	return messages.CheckSpec{Kind: messages.CheckTCP, ConnectionTimeout: 5 * time.Second}
}

// closedPort returns an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// fullBacklog returns an address that answers no connect: its queue is full.
func fullBacklog(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for range 8 { // until one is not taken any more
		conn, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the backlog does not fill up")
	return ""
}

func TestATCPProbeTellsWhyNoConnectionWasMade(t *testing.T) {
	open := servePeer(t, silent)
	_, openPort, _ := net.SplitHostPort(open)
	port, _ := strconv.Atoi(openPort)
	short, other := tcpCheck(), tcpCheck()
	short.ConnectionTimeout, other.Port = 100*time.Millisecond, port
	tests := map[string]struct {
		check  messages.CheckSpec
		addr   string
		code   messages.Code
		detail string
	}{
		"passes when somebody listens":              {tcpCheck(), open, messages.CodeOK, "connected"},
		"is refused when nobody does":               {tcpCheck(), closedPort(t), messages.CodeConnectRefused, "connection refused"},
		"times out when nothing answers":            {short, fullBacklog(t), messages.CodeConnectTimeout, "not connected within 100ms"},
		"fails on an address that is none":          {tcpCheck(), "10.0.0.1", messages.CodeConnectFailed, "address 10.0.0.1: missing port in address"},
		"goes to the other port when one is set":    {other, "127.0.0.1:1", messages.CodeOK, "connected"},
		"needs host:port to replace the port of it": {other, "127.0.0.1", messages.CodeConnectFailed, `address "127.0.0.1" is not host:port`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Probe(t.Context(), tt.check, tt.addr)
			if got.Code != tt.code || got.Detail != tt.detail {
				t.Errorf("got %s %q, want %s %q", got.Code, got.Detail, tt.code, tt.detail)
			}
		})
	}
}

func TestACancelledProbeEndsAtOnce(t *testing.T) {
	cert, _ := newCert(t)
	kinds := map[string]struct {
		kind messages.CheckKind
		addr string
	}{
		"while it connects":           {messages.CheckTCP, fullBacklog(t)},
		"while it waits for the head": {messages.CheckHTTP, servePeer(t, silent)},
		"while it reads the body":     {messages.CheckHTTP, servePeer(t, forever("HTTP/1.1 200 OK\r\n\r\n", "x", 10*time.Millisecond))},
		"in the TLS handshake":        {messages.CheckHTTPS, servePeer(t, silent)},
		"while it waits, in TLS":      {messages.CheckHTTPS, serveTLS(t, cert, silent)},
		"before it began":             {messages.CheckTCP, servePeer(t, silent)},
	}
	for name, tt := range kinds {
		t.Run(name, func(t *testing.T) {
			check := messages.CheckSpec{Kind: tt.kind, ConnectionTimeout: time.Minute, ReadTimeout: time.Minute,
				HTTP: messages.HTTPCheck{BodyContains: "ok", SkipVerify: true}}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if name == "before it began" {
				cancel()
			}
			defer cancel()
			got := Probe(ctx, check, tt.addr)
			if got.Code != messages.CodeInternal || got.Detail != "probe cancelled" || got.Took > 10*time.Second {
				t.Errorf("got %s %q after %v, want cancelled at once", got.Code, got.Detail, got.Took)
			}
		})
	}
}
