package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/weirproxy/weir/messages"
)

// tcpProbe passes when a connection can be made; it is closed at once.
type tcpProbe struct {
	timeout time.Duration
	preface string
}

func (p tcpProbe) probe(ctx context.Context, addr string) Result {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	conn, err := connect(ctx, addr, p.preface)
	if err != nil {
		return connectFailure(err, p.timeout)
	}
	_ = conn.Close() // nothing was sent that could be lost
	return result(messages.CodeOK, "connected")
}

// connect makes a connection within ctx and sends preface on it.
func connect(ctx context.Context, addr, preface string) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: -1} // too short-lived for keep-alives
	network := "tcp"
	if path, unix := strings.CutPrefix(addr, unixPrefix); unix {
		network, addr = "unix", path
	}
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil || preface == "" {
		return conn, err
	}
	if _, err := conn.Write([]byte(preface)); err != nil { // a few bytes: a new connection has room for them
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix:"

// prefaceOf returns what begins the connection of a probe: a header of the PROXY
// protocol that says that the connection is for its sender's own (specification,
// 2.1 and 2.2).
func prefaceOf(version messages.ProxyProtocol) string {
	switch version {
	case messages.ProxyV1:
		return "PROXY UNKNOWN\r\n"
	case messages.ProxyV2:
		return "\r\n\r\n\x00\r\nQUIT\n" + "\x20\x00\x00\x00" // version 2, LOCAL, no addresses
	}
	return ""
}

// connectFailure says why a connection was not made within timeout.
func connectFailure(err error, timeout time.Duration) Result {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return result(messages.CodeConnectRefused, "connection refused")
	case timedOut(err):
		return result(messages.CodeConnectTimeout, fmt.Sprintf("not connected within %v", timeout))
	}
	return result(messages.CodeConnectFailed, reason(err))
}

// timedOut tells whether err is a timeout of any layer.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		(errors.As(err, &timeout) && timeout.Timeout())
}

// broken tells whether err means that the peer ended the connection.
func broken(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// reason is the innermost cause of err, without the addresses that net puts
// around it: "connection reset by peer".
func reason(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}
