package nethttp

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// peerConn is a connection to a peer. It counts what is written, bounds each
// write, and tells the attempt that uses it when it is closed.
type peerConn struct {
	net.Conn // nil while it is dialled; set under set.mu
	set      *peerConns
	addr     string             // of the peer
	abort    context.CancelFunc // ends the dial
	timer    *time.Timer        // looks whether it is idle; guarded by set.mu, nil = none

	writeTimeout atomic.Int64 // in nanoseconds, as its latest user says; 0 = none
	written      atomic.Int64
	writeLate    atomic.Bool  // a write timed out
	broken       atomic.Bool  // the peer ended it or it broke
	tunnel       atomic.Bool  // no deadlines any more
	cut          atomic.Bool  // broken from here, as if the peer had
	leaving      atomic.Bool  // not to be used again
	idle         atomic.Int64 // since when, in Unix nanoseconds; 0 = it is in use
	user         atomic.Pointer[attempt]
}

// take notes that a is the connection's user now.
func (c *peerConn) take(a *attempt) {
	c.user.Store(a)
	c.idle.Store(0) // in this order, see give
	c.writeTimeout.Store(int64(a.limits.WriteTimeout))
}

// give notes that a is done with the connection, unless it has another user already.
func (c *peerConn) give(a *attempt) {
	if !c.user.CompareAndSwap(a, nil) || c.tunnel.Load() {
		return
	}
	// Another user may come between the two: it is idle only if none did.
	now := time.Now().UnixNano()
	if c.idle.Store(now); c.user.Load() != nil {
		c.idle.CompareAndSwap(now, 0)
		return
	}
	if c.leaving.Load() {
		_ = c.Close() // net/http notices
	}
}

// Write writes p within the write timeout.
func (c *peerConn) Write(p []byte) (int, error) {
	limit := time.Duration(c.writeTimeout.Load())
	bound := limit > 0 && !c.tunnel.Load()
	if bound {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
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
	c.set.remove(c)
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
