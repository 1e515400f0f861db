package nethttp

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// peerConn is a connection to a peer. It counts what is written, bounds each
// write, and tells the attempt that uses it when it is closed.
type peerConn struct {
	net.Conn
	writeTimeout time.Duration // 0 = none
	written      atomic.Int64
	writeLate    atomic.Bool // a write timed out
	broken       atomic.Bool // the peer ended it or it broke
	tunnel       atomic.Bool // no deadlines any more
	user         atomic.Pointer[attempt]
}

// Write writes p within the write timeout.
func (c *peerConn) Write(p []byte) (int, error) {
	bound := c.writeTimeout > 0 && !c.tunnel.Load()
	if bound {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	if bound && err != nil && isTimeout(err) {
		c.writeLate.Store(true)
	}
	c.note(err)
	return n, err
}

// Read reads what the peer sent.
func (c *peerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.note(err)
	return n, err
}

// note remembers that the connection broke. That it was closed here is no news.
func (c *peerConn) note(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		c.broken.Store(true)
	}
}

// Close closes the connection and stops the reading of the body that was being
// written to it: net/http waits for that before it reports a failure.
func (c *peerConn) Close() error {
	err := c.Conn.Close()
	if a := c.user.Load(); a != nil {
		a.body.stop(stopGrace)
	}
	return err
}

// CloseWrite ends the stream to the peer and leaves the one from it open.
func (c *peerConn) CloseWrite() error { return closeWrite(c.Conn) }

// becomeTunnel takes all deadlines off.
func (c *peerConn) becomeTunnel() error {
	c.tunnel.Store(true)
	return c.Conn.SetDeadline(time.Time{})
}
