package nethttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/weirproxy/weir/messages"
)

// dialError says why there is no connection.
type dialError struct {
	code messages.Code
	err  error
}

// Error returns the cause.
func (e *dialError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.err }

// connect connects to addr: host:port or unix:/path. A name is looked up, and
// each of its addresses is tried in turn. The error is a *dialError; of several,
// that of the last address tried.
func (s *peerPools) connect(ctx context.Context, limits *messages.Transport, addr string) (net.Conn, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return s.connectTo(ctx, limits, "unix", path)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &dialError{messages.CodeConnectFailed, err}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return s.connectTo(ctx, limits, "tcp", addr)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, &dialError{dialCode(err), fmt.Errorf("look up %q: %w", host, err)}
	}
	for i, ip := range found {
		c, err := s.connectTo(ctx, limits, "tcp", net.JoinHostPort(ip.Unmap().String(), port))
		if err == nil || i == len(found)-1 || ctx.Err() != nil {
			return c, err
		}
	}
	return nil, &dialError{messages.CodeConnectFailed, fmt.Errorf("look up %q: no address", host)}
}

// connectTo connects to one address, within ConnectionTimeout.
func (s *peerPools) connectTo(ctx context.Context, limits *messages.Transport, network, addr string) (net.Conn, error) {
	if one := limits.ConnectionTimeout; one > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, one)
		defer cancel()
	}
	began := time.Now()
	dial := s.deps.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(ctx, network, addr)
	if err != nil {
		return nil, &dialError{dialCode(err), err}
	}
	s.stats.connect.Observe(time.Since(began))
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
