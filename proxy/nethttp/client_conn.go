package nethttp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// clientConn is a client's connection. It gives each write its own deadline: so
// the deadline covers what net/http writes by itself, and no silence between
// writes counts. What is read goes through an inbound.
type clientConn struct {
	net.Conn // a *tls.Conn over wire, if there is one
	wire     *tlsWire
	server   *Server
	in       inbound
	state    atomic.Uint32 // connClosed, connHTTP2
	tunnel   atomic.Bool   // no deadlines any more
	unread   atomic.Bool   // the client may be sending a body that nobody wants any more
	readBy   atomic.Int64  // net/http's read deadline, in Unix nanoseconds; 0 = none

	// What follows is set by the first read.
	met           bool
	remote, local netip.AddrPort
	remoteText    string
	serverName    string // that the client asked TLS for
}

const (
	connClosed = 1 << iota
	connHTTP2
)

func newClientConn(c net.Conn, s *Server) *clientConn {
	cfg := &s.cfg
	cc := &clientConn{Conn: c, server: s}
	cc.in = inbound{socket: (*clientSocket)(cc), maxHead: cfg.MaxHeadBytes, maxFields: cfg.MaxFields, timeout: cfg.HeadTimeout}
	switch {
	case s.tls != nil:
		cc.wire = &tlsWire{Conn: c, timeout: cfg.WriteTimeout}
		cc.Conn = tls.Server(cc.wire, s.tls)
		cc.in.http2 = prefaceTaken // until the handshake says more
	case cfg.H2C:
		cc.in.http2 = prefaceTaken
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
	if w := c.in.frames; w != nil {
		w.writing.Lock()
		defer w.writing.Unlock()
		w.sent(p)
		n, err := c.write(p)
		if err == nil && (c.server.draining.Load() || w.parting.Load() != nil) {
			err = c.interject()
		}
		return n, err
	}
	return c.write(p)
}

func (c *clientConn) write(p []byte) (int, error) {
	limit := c.server.cfg.WriteTimeout
	if limit == 0 || c.tunnel.Load() {
		return c.Conn.Write(p)
	}
	if err := c.Conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if c.wire != nil {
		_ = c.wire.SetWriteDeadline(time.Time{}) // what TLS writes by itself has its own; fails on a dead connection
	}
	return n, err
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

// Close closes the connection. A client that may still be sending gets to read the
// answer first, and counts until then; a second Close ends that.
func (c *clientConn) Close() error {
	if c.unread.Swap(false) && !c.server.ended.Load() {
		c.linger()
	}
	err := c.Conn.Close()
	if was := c.state.Or(connClosed); was&connClosed == 0 {
		c.server.counts.open.Add(-1)
		c.server.conns.Add(-1)
		if was&connHTTP2 != 0 {
			c.server.counts.http2.Add(-1)
			c.server.frameConns.Delete(c)
		}
	}
	return err
}

func (c *clientConn) linger() {
	if c.wire == nil {
		linger(c.Conn, lingerTime)
		return
	}
	_ = c.wire.SetWriteDeadline(time.Now().Add(lingerTime)) // fails on a dead connection, as what follows will
	if closeWrite(c.Conn) == nil {
		linger(c.wire.Conn, lingerTime)
	}
}

// CloseWrite ends the stream to the client and leaves the one from it open.
func (c *clientConn) CloseWrite() error { return closeWrite(c.Conn) }

// becomeTunnel takes all deadlines off, and all rules off what is read.
func (c *clientConn) becomeTunnel() error {
	c.tunnel.Store(true)
	if c.wire != nil {
		c.wire.free.Store(true)
	}
	c.in.state = inRaw
	return c.SetDeadline(time.Time{})
}

// meet learns who the client is. It belongs to the connection's goroutine: an
// address may be known only when the client sent something.
func (c *clientConn) meet() error {
	c.met = true
	c.remote, c.local = addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
	if c.remote.IsValid() {
		c.remoteText = c.remote.Addr().WithZone("").String()
	}
	if conn, ok := c.Conn.(*tls.Conn); ok {
		return c.shake(conn)
	}
	return nil
}

// addrPort returns the zero AddrPort for what is no address of TCP.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// clientSocket is a clientConn as its inbound sees it.
type clientSocket clientConn

// Read reads from the connection itself.
func (s *clientSocket) Read(p []byte) (int, error) {
	if !s.met && (*clientConn)(s).meet() != nil {
		// Nothing can be said to the client any more, and was if it could be.
		s.in.state, s.in.broken = inVain, io.EOF
		return 0, io.EOF
	}
	return s.Conn.Read(p)
}

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
