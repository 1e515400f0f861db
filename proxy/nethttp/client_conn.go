package nethttp

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// clientListener wraps what it accepts into clientConns.
type clientListener struct {
	net.Listener
	writeTimeout time.Duration
}

// Accept returns the next client's connection.
func (l *clientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newClientConn(c, l.writeTimeout), nil
}

// clientConn is a client's connection. It gives each write its own deadline: so
// the deadline covers what net/http writes by itself, and no silence between
// writes counts.
type clientConn struct {
	net.Conn
	writeTimeout time.Duration // 0 = none
	tunnel       atomic.Bool   // no deadlines any more
	remote       netip.AddrPort
	remoteText   string
}

func newClientConn(c net.Conn, writeTimeout time.Duration) *clientConn {
	cc := &clientConn{Conn: c, writeTimeout: writeTimeout}
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		addr := ap.Addr().Unmap()
		cc.remote = netip.AddrPortFrom(addr, ap.Port())
		cc.remoteText = addr.WithZone("").String()
	}
	return cc
}

// Write writes p within the write timeout.
func (c *clientConn) Write(p []byte) (int, error) {
	if c.writeTimeout > 0 && !c.tunnel.Load() {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// CloseWrite ends the stream to the client and leaves the one from it open.
func (c *clientConn) CloseWrite() error { return closeWrite(c.Conn) }

// becomeTunnel takes all deadlines off.
func (c *clientConn) becomeTunnel() error {
	c.tunnel.Store(true)
	return c.Conn.SetDeadline(time.Time{})
}

type clientConnKey struct{}

func withClientConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, clientConnKey{}, c)
}

// closeWrite half-closes c; a connection that cannot be half-closed is closed.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
