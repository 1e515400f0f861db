package nethttp

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// clientConn is a client's connection. It gives each write its own deadline: so
// the deadline covers what net/http writes by itself, and no silence between
// writes counts. What is read goes through an inbound.
type clientConn struct {
	net.Conn
	in           inbound
	writeTimeout time.Duration // 0 = none
	tunnel       atomic.Bool   // no deadlines any more
	readBy       atomic.Int64  // net/http's read deadline, in Unix nanoseconds; 0 = none
	closed       atomic.Bool
	onClose      func()
	remote       netip.AddrPort
	remoteText   string
}

func newClientConn(c net.Conn, cfg *ServerConfig, onClose func()) *clientConn {
	cc := &clientConn{Conn: c, writeTimeout: cfg.WriteTimeout, onClose: onClose}
	cc.in = inbound{socket: (*clientSocket)(cc), maxHead: cfg.MaxHeadBytes, maxFields: cfg.MaxFields, timeout: cfg.HeadTimeout, h2c: cfg.H2C}
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		addr := ap.Addr().Unmap()
		cc.remote = netip.AddrPortFrom(addr, ap.Port())
		cc.remoteText = addr.WithZone("").String()
	}
	if cfg.HeadTimeout > 0 {
		// Where net/http looks for HTTP/2 first, it sets no deadline for that.
		_ = cc.SetReadDeadline(time.Now().Add(cfg.HeadTimeout)) // fails on a dead connection, as the read will
	}
	return cc
}

// Read gives out what the client sent, as inbound lets it.
func (c *clientConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// Write writes p within the write timeout.
func (c *clientConn) Write(p []byte) (int, error) {
	if c.writeTimeout > 0 && !c.tunnel.Load() {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// SetReadDeadline sets the deadline of reads.
func (c *clientConn) SetReadDeadline(t time.Time) error {
	c.readBy.Store(nanos(t))
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline sets the deadlines of reads and writes.
func (c *clientConn) SetDeadline(t time.Time) error {
	c.readBy.Store(nanos(t))
	return c.Conn.SetDeadline(t)
}

// Close closes the connection.
func (c *clientConn) Close() error {
	if !c.closed.Swap(true) {
		c.onClose()
	}
	return c.Conn.Close()
}

// CloseWrite ends the stream to the client and leaves the one from it open.
func (c *clientConn) CloseWrite() error { return closeWrite(c.Conn) }

// becomeTunnel takes all deadlines off, and all rules off what is read.
func (c *clientConn) becomeTunnel() error {
	c.tunnel.Store(true)
	c.in.state = inRaw
	return c.SetDeadline(time.Time{})
}

// clientSocket is a clientConn as its inbound sees it.
type clientSocket clientConn

// Read reads from the connection itself.
func (s *clientSocket) Read(p []byte) (int, error) { return s.Conn.Read(p) }

func (s *clientSocket) bound(t time.Time) {
	if at := s.readBy.Load(); at != 0 && (t.IsZero() || at < nanos(t)) {
		t = time.Unix(0, at)
	}
	_ = s.Conn.SetReadDeadline(t) // fails on a dead connection, as the read will
}

func (s *clientSocket) isLimit() bool {
	at := s.readBy.Load()
	return at == 0 || at > int64(time.Hour) // net/http ends reads by a time in 1970
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
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
