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
// which takes neither options nor bind. The error is ErrFamily, or that of the
// system with the key of an option that it refuses.
//
// With FastOpen, and a peer whose cookie is known, connect only seems to have
// worked: what is wrong is the error of the first Read or Write.
func Dialer(options messages.TCPOptions, bind netip.Addr) func(ctx context.Context, network, addr string) (net.Conn, error) {
	bind = bind.Unmap()
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if network == "unix" {
			return dialPath(ctx, addr)
		}
		d := net.Dialer{KeepAliveConfig: keepAlive(options)}
		if bind.IsValid() {
			if to, err := netip.ParseAddrPort(addr); err == nil && to.Addr().Unmap().Is4() != bind.Is4() {
				return nil, fmt.Errorf("connect to %s from %s: %w", addr, bind, ErrFamily)
			}
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(bind, 0))
		}
		d.ControlContext = func(_ context.Context, _, _ string, raw syscall.RawConn) error {
			return control(raw, func(fd uintptr) error { return setForDial(fd, options, bind.IsValid()) })
		}
		c, err := d.DialContext(ctx, network, addr)
		if err != nil && bind.IsValid() {
			return nil, fmt.Errorf("from %s: %w", bind, err)
		}
		return c, err
	}
}

// control runs set on the descriptor of a socket.
func control(raw syscall.RawConn, set func(fd uintptr) error) error {
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = set(fd) }); err != nil {
		return err
	}
	return failed
}

// keepAlive is how a silent connection is probed. What is not set has the
// defaults of Go: after 15 s, each 15 s, 9 times.
func keepAlive(o messages.TCPOptions) net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: o.Idle, Interval: o.Interval, Count: o.ProbeCount}
}

// controlOf runs set on the descriptor of c.
func controlOf(c syscall.Conn, set func(fd uintptr) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, set)
}
