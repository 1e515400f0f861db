package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/weirproxy/weir/messages"
)

// ListenConfig says where and how to listen.
type ListenConfig struct {
	// Addr is HOST:PORT, or unix:/path; unix:@name is an abstract socket of Linux
	// (unix(7)), which has no file.
	Addr string
	// ReusePort lets several processes of one user listen at the address
	// (SO_REUSEPORT): all of them must want it. Not for unix sockets.
	ReusePort bool
	// TCP are the options of accepted connections. Not for unix sockets.
	TCP messages.TCPOptions
}

// ErrInUse is returned when another process listens at the address or path.
var ErrInUse = errors.New("another process listens there")

// Listen opens a listening socket. The errors wrap those of the system; ErrInUse
// is one of them.
//
// A socket with ReusePort has its address from now on, but clients only from the
// first Accept: a process that fails before that takes none from the others.
//
// It is TCP and nothing else: Go's default, MPTCP where the kernel has it, would
// refuse options that TCP has.
func Listen(ctx context.Context, c ListenConfig) (*Listener, error) {
	if path, unix := strings.CutPrefix(c.Addr, "unix:"); unix {
		return listenPath(ctx, path)
	}
	if c.ReusePort {
		reserved, err := reserve(c)
		if err != nil {
			return nil, explain(err)
		}
		probed := keepAlive(c.TCP)
		return &Listener{addr: reserved.addr, reserved: reserved, shared: true, keepAlive: &probed, closed: make(chan struct{})}, nil
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive(c.TCP), Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd uintptr) error { return setForListen(fd, c.TCP) })
	}}
	lc.SetMultipathTCP(false)
	inner, err := lc.Listen(ctx, network(c.Addr), c.Addr)
	if err != nil {
		return nil, explain(err)
	}
	return newListener(inner.(*net.TCPListener)), nil
}

// network says that 0.0.0.0 is IPv4, as whoever writes it means, and not IPv6 as well,
// as Go takes it.
func network(addr string) string {
	if strings.HasPrefix(addr, "0.0.0.0:") {
		return "tcp4"
	}
	return "tcp"
}

// explain makes an address that is taken ErrInUse.
func explain(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}
