package bus

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// place is where to listen, as the system understood it.
type place struct {
	host     string // an IP literal
	port     int    // -1 = any free one
	loopback bool
}

// findPlace listens at addr for a moment. That gives an error of its own kind
// before the server starts, and the address that a name stands for, on which
// depends who may connect: the name could mean another one later.
func findPlace(addr string) (place, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return place{}, fmt.Errorf("%q: %w: want host:port", addr, ErrAddr)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < -1 || port > 65535 {
		return place{}, fmt.Errorf("%q: %w: the port must be 0 to 65535 (0 = any free one)", addr, ErrAddr)
	}
	anyFree := port <= 0
	if anyFree {
		port = 0
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return place{}, listenError(addr, err)
	}
	defer func() { _ = l.Close() }() // it was only to see
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return place{}, fmt.Errorf("%q: %w: it is no TCP address", addr, ErrAddr)
	}
	found := place{host: at.IP.String(), port: at.Port, loopback: at.IP.IsLoopback()}
	if at.Zone != "" {
		found.host += "%" + at.Zone
	}
	if anyFree {
		found.port = -1
	}
	return found, nil
}

// listenError sorts what listening can fail with.
func listenError(addr string, err error) error {
	kind := ErrAddr
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		kind = ErrAddrTaken
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		kind = ErrAddrForbidden
	}
	return fmt.Errorf("%s: %w (%w)", addr, kind, err)
}
