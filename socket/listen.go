package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/weirproxy/weir/messages"
)

// ListenConfig says where and how to listen.
type ListenConfig struct {
	// Addr is HOST:PORT, or unix:/path.
	Addr string
	// ReusePort lets several processes listen at the address (SO_REUSEPORT).
	ReusePort bool
	// TCP are the options of accepted connections.
	TCP messages.TCPOptions
}

// ErrInUse is returned when somebody listens at the path of a unix socket.
var ErrInUse = errors.New("another process listens there")

// Listen opens a listening socket. The errors wrap those of the system.
func Listen(ctx context.Context, c ListenConfig) (net.Listener, error) {
	if path, unix := strings.CutPrefix(c.Addr, "unix:"); unix {
		return listenUnix(ctx, path)
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive(c.TCP), Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(fd int) error { return setForListen(fd, c.TCP, c.ReusePort) })
	}}
	return lc.Listen(ctx, "tcp", c.Addr)
}

// listenUnix listens at a path. A socket that a process left behind when it died
// is removed; what is no socket stays.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if info, statErr := os.Lstat(path); statErr != nil || info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is there and is no socket: %w", path, err)
	}
	var d net.Dialer
	conn, dialErr := d.DialContext(ctx, "unix", path)
	if dialErr == nil {
		_ = conn.Close() // it only asked whether somebody is there
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrInUse, dialErr)
	}
	if err := os.Remove(path); err != nil {
		return nil, fmt.Errorf("remove the socket that a dead process left: %w", err)
	}
	return lc.Listen(ctx, "unix", path)
}
