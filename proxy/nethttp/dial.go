package nethttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/weirproxy/weir/messages"
)

// dialer makes connections to peers, within the limits that hold when a dial begins.
type dialer struct {
	conns *peerConns
	net   net.Dialer
}

// dialError says why there is no connection.
type dialError struct {
	code messages.Code
	err  error
}

// Error returns the cause.
func (e *dialError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.err }

// dial connects to addr. A name is looked up, and each of its addresses is tried
// in turn, with ConnectionTimeout each and TotalConnectionTimeout for everything.
// The error is a *dialError; of several, that of the last address tried.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	c := d.conns.begin(addr, abort)
	conn, err := d.find(ctx, d.conns.limits.Load(), network, addr)
	if err == nil && !d.conns.made(c, conn) {
		_ = conn.Close() // it is not wanted any more
		err = errCut
	}
	if err == nil {
		return c, nil
	}
	d.conns.remove(c)
	if c.cut.Load() {
		return nil, &dialError{messages.CodeReset, errCut}
	}
	return nil, err
}

// find looks the host of addr up, if it is a name, and connects to it.
func (d *dialer) find(ctx context.Context, limits *messages.Transport, network, addr string) (net.Conn, error) {
	if total := limits.TotalConnectionTimeout; total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, total)
		defer cancel()
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &dialError{messages.CodeConnectFailed, err}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return d.connect(ctx, limits, network, addr)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, &dialError{dialCode(err), fmt.Errorf("look up %q: %w", host, err)}
	}
	for i, ip := range found {
		c, err := d.connect(ctx, limits, network, net.JoinHostPort(ip.Unmap().String(), port))
		if err == nil || i == len(found)-1 || ctx.Err() != nil {
			return c, err
		}
	}
	return nil, &dialError{messages.CodeConnectFailed, fmt.Errorf("look up %q: no address", host)}
}

// connect connects to one address.
func (d *dialer) connect(ctx context.Context, limits *messages.Transport, network, addr string) (net.Conn, error) {
	if one := limits.ConnectionTimeout; one > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, one)
		defer cancel()
	}
	c, err := d.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, &dialError{dialCode(err), err}
	}
	return c, nil
}

func dialCode(err error) messages.Code {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return messages.CodeConnectRefused
	case isTimeout(err):
		return messages.CodeConnectTimeout
	}
	return messages.CodeConnectFailed
}

// isTimeout tells whether err is any kind of timeout.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) || errors.As(err, &t) && t.Timeout()
}
