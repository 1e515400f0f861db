package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/weirproxy/weir/socket"
)

// listenTCP listens at addr without options.
func listenTCP(ctx context.Context, key, addr string, near bool) (*socket.Listener, error) {
	return listen(ctx, key, socket.ListenConfig{Addr: addr}, near)
}

// listen listens as c says, or with near at the next free port of a hundred. The
// error names the key and what helps.
func listen(ctx context.Context, key string, c socket.ListenConfig, near bool) (*socket.Listener, error) {
	l, err := socket.Listen(ctx, c)
	if err == nil {
		return l, nil
	}
	addr := c.Addr
	if near && errors.Is(err, socket.ErrInUse) {
		return listenNear(ctx, key, c)
	}
	switch {
	case strings.HasPrefix(addr, "unix:"):
		return nil, fmt.Errorf("%s: listen at %s: %w", key, addr, err)
	case errors.Is(err, socket.ErrInUse) && c.ReusePort:
		return nil, takenError(fmt.Sprintf("%s: %s is taken by another process that does not share it; it must have reuse_port: true too, and belong to the same user", key, addr))
	case errors.Is(err, socket.ErrInUse):
		return nil, takenError(fmt.Sprintf("%s: %s is taken by another process; stop it, or set %s to a free address", key, addr, key))
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: not allowed to listen at %s; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE", key, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: %s is not an address of this machine", key, addr)
	}
	return nil, fmt.Errorf("%s: listen at %q: %w", key, addr, err)
}

// takenError is a socket.ErrInUse with words of its own.
type takenError string

func (e takenError) Error() string { return string(e) }

func (e takenError) Unwrap() error { return socket.ErrInUse }

// listenNear listens at the next free port above that of c.
func listenNear(ctx context.Context, key string, c socket.ListenConfig) (*socket.Listener, error) {
	host, text, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s: port %q: %w", key, text, err)
	}
	for next := port + 1; next <= port+100 && next < 1<<16; next++ {
		c.Addr = net.JoinHostPort(host, strconv.Itoa(next))
		if l, err := socket.Listen(ctx, c); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%s: no free port from %d to %d", key, port, port+100)
}
