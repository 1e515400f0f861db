package socket

import (
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/messages"
)

// option reads an option of a connected socket.
func option(t *testing.T, c any, level, name int) (value int) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := control(raw, func(fd uintptr) (err error) {
		value, err = unix.GetsockoptInt(int(fd), level, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return value
}

func every() messages.TCPOptions {
	return messages.TCPOptions{Idle: 21 * time.Second, Interval: 7 * time.Second, ProbeCount: 5, UserTimeout: 12345 * time.Millisecond,
		RecvBuf: 32 << 10, SendBuf: 48 << 10, FastOpen: true}
}

// wantEvery checks a socket against every; the kernel doubles buffers (socket(7)).
func wantEvery(t *testing.T, who string, c net.Conn) {
	t.Helper()
	for _, o := range []struct {
		name             string
		level, opt, want int
	}{
		{"tcp_idle", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 21},
		{"tcp_interval", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7},
		{"tcp_probe_count", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5},
		{"keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"tcp_user_timeout", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 12345},
		{"tcp_recv_buf", unix.SOL_SOCKET, unix.SO_RCVBUF, 64 << 10},
		{"tcp_send_buf", unix.SOL_SOCKET, unix.SO_SNDBUF, 96 << 10},
		{"no delay", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	} {
		if got := option(t, c, o.level, o.opt); got != o.want {
			t.Errorf("%s %s: got %d, want %d", who, o.name, got, o.want)
		}
	}
}

func TestOptionsAreThoseOfTheSocket(t *testing.T) {
	l, err := Listen(t.Context(), ListenConfig{Addr: "127.0.0.1:0", TCP: every(), ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begin(t, l)
	dial := Dialer(every(), netip.MustParseAddr("127.0.0.3"))
	client, server := pair(t, l, func() (net.Conn, error) { return dial(t.Context(), "tcp", l.Addr().String()) })
	wantEvery(t, "dialled", client)
	wantEvery(t, "accepted", server)
	if got := option(t, client, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT); got != 1 {
		t.Errorf("tcp_fast_open: %d", got)
	}
	if got := option(t, l.inner, unix.IPPROTO_TCP, unix.TCP_FASTOPEN); got != fastOpenQueue {
		t.Errorf("tcp_fast_open of the listener: %d", got)
	}
	if got := option(t, client, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT); got != 1 {
		t.Errorf("a bound socket takes its port before it connects")
	}
	if host, _, _ := net.SplitHostPort(server.RemoteAddr().String()); host != "127.0.0.3" {
		t.Errorf("bind: it came from %s", host)
	}
}

func TestOptionsOfASocketThatWasPassed(t *testing.T) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // as systemd
	opened, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	l, err := adopt(opened.(*net.TCPListener), every())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, server := pair(t, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) })
	wantEvery(t, "accepted", server)
}

func TestOptionsThatAreNotSetAreTheSystems(t *testing.T) {
	l, err := Listen(t.Context(), ListenConfig{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	dial := Dialer(messages.TCPOptions{}, netip.Addr{})
	ours, err := dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	for _, o := range [][2]int{{unix.SOL_SOCKET, unix.SO_RCVBUF}, {unix.SOL_SOCKET, unix.SO_SNDBUF}, {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE}, {unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT}} {
		if a, b := option(t, ours, o[0], o[1]), option(t, plain, o[0], o[1]); a != b {
			t.Errorf("option %v: %d, not %d", o, a, b)
		}
	}
}

func TestAPeerOfTheOtherFamilyIsNotReachable(t *testing.T) {
	dial := Dialer(messages.TCPOptions{}, netip.MustParseAddr("127.0.0.1"))
	if c, err := dial(t.Context(), "tcp", "[::1]:80"); !errors.Is(err, ErrFamily) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestTwoListenAtOnePort(t *testing.T) {
	first, err := Listen(t.Context(), ListenConfig{Addr: "127.0.0.1:0", ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	begin(t, first)
	second, err := Listen(t.Context(), ListenConfig{Addr: first.Addr().String(), ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, err := Listen(t.Context(), ListenConfig{Addr: first.Addr().String()}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("without reuse_port: %v", err)
	}
}

func TestUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	l, err := Listen(t.Context(), ListenConfig{Addr: "unix:" + path})
	if err != nil {
		t.Fatal(err)
	}
	dial := Dialer(every(), netip.Addr{})
	if c, err := dial(t.Context(), "unix", path); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	if _, err := Listen(t.Context(), ListenConfig{Addr: "unix:" + path}); !errors.Is(err, ErrInUse) {
		t.Errorf("somebody listens: %v", err)
	}
	l.file = nil // as of a process that is killed
	_ = l.Close()
	again, err := Listen(t.Context(), ListenConfig{Addr: "unix:" + path})
	if err != nil {
		t.Fatalf("the socket of a dead process: %v", err)
	}
	_ = again.Close()
}
