package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/weirproxy/weir/messages"
)

// ErrFamily is returned when a peer cannot be reached from the local address
// that was asked for, since one is IPv4 and the other IPv6.
var ErrFamily = errors.New("not reachable from the bind address")

// Dialer returns a function that connects with options, from bind (the zero Addr
// leaves it to the system). Networks are "tcp", with ADDRESS:PORT, and "unix",
// which takes neither options nor bind.
func Dialer(options messages.TCPOptions, bind netip.Addr) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if network == "unix" {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		}
		d := net.Dialer{KeepAliveConfig: keepAlive(options)}
		if bind.IsValid() {
			if to, err := netip.ParseAddrPort(addr); err == nil && to.Addr().Unmap().Is4() != bind.Is4() {
				return nil, fmt.Errorf("connect to %s from %s: %w", addr, bind, ErrFamily)
			}
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(bind, 0))
		}
		d.ControlContext = func(_ context.Context, _, _ string, raw syscall.RawConn) error {
			return control(raw, func(fd int) error { return setForDial(fd, options, bind.IsValid()) })
		}
		return d.DialContext(ctx, network, addr)
	}
}

// control runs set on the descriptor of a socket.
func control(raw syscall.RawConn, set func(fd int) error) error {
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = set(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// keepAlive is how a silent connection is probed. What is not set has the
// defaults of Go: after 15 s, each 15 s, 9 times.
func keepAlive(o messages.TCPOptions) net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: o.Idle, Interval: o.Interval, Count: o.ProbeCount}
}
