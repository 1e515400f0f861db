package nethttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// peerConn is a connection to a peer, with TLS or without. It counts what is
// written and read, bounds each write, and has the attempt that uses it stop
// when it is closed. HTTP/1.1 has one user at a time, HTTP/2 many.
type peerConn struct {
	net.Conn          // what HTTP is spoken on
	socket   net.Conn // the same, or what TLS runs on
	pool     *pool
	h2       bool
	hello    *h2Hello         // of HTTP/2, until the peer's SETTINGS were read
	windows  *windowWatch     // of HTTP/2
	cc       *http.ClientConn // set before anyone gets the connection
	gone     chan struct{}    // closed by the first Close
	readEnd  chan struct{}    // closed by the first Read that failed

	// Guarded by pool.set.mu.
	users, limit int
	made         bool // its dial is done
	served       int  // users it had so far
	leaving      bool // it gets no further user
	closed       bool
	unusedSince  time.Time
	links        [listKinds]listLink

	endRead      sync.Once
	shutting     atomic.Bool
	writeTimeout atomic.Int64 // in nanoseconds, as its latest user says; 0 = none
	written      atomic.Int64
	got          atomic.Int64            // bytes read
	writeLate    atomic.Bool             // a write timed out
	broken       atomic.Bool             // the peer ended it or it broke
	refused      atomic.Pointer[error]   // what TLS said when it was refused after the handshake
	tunnel       atomic.Bool             // no deadlines any more
	cut          atomic.Bool             // broken from here, as if the peer had
	user         atomic.Pointer[attempt] // of HTTP/1.1
	// Of HTTP/2: what got was, plus one, when the first of the requests asked that
	// wait for the peer to say anything, and when that was, in Unix nanoseconds.
	askedAt, askedSince atomic.Int64
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
	if c.windows != nil {
		c.windows.sent(p)
	}
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	if bound && err != nil && isTimeout(err) {
		c.writeLate.Store(true)
	}
	if err != nil && c.Conn != c.socket && c.got.Load() == 0 {
		c.hearOut()
	}
	c.note(err)
	return n, err
}

// hearOut waits, after a write failed, until what the peer said before it closed
// was read: TLS 1.3 refuses a certificate when the handshake is done already.
func (c *peerConn) hearOut() {
	late := time.NewTimer(closeGrace)
	defer late.Stop()
	select {
	case <-c.readEnd:
	case <-c.gone:
	case <-late.C:
	}
}

// Read reads what the peer sent.
func (c *peerConn) Read(p []byte) (int, error) {
	if c.hello != nil && c.hello.readAgain() {
		c.hello = nil
	}
	n, err := c.Conn.Read(p)
	c.got.Add(int64(n))
	if c.hello != nil {
		c.hello.read(p[:n])
	}
	c.note(err)
	if err != nil {
		c.endRead.Do(func() { close(c.readEnd) })
	}
	if c.windows != nil {
		fine, parting := c.windows.received(p[:n])
		if parting { // net/http looks at it later
			c.pool.set.part(c)
		}
		if !fine {
			c.broken.Store(true)
			return 0, errWindow
		}
	}
	return n, err
}

// note remembers that the connection broke. That it was closed here is no news.
func (c *peerConn) note(err error) {
	if err == nil || errors.Is(err, net.ErrClosed) {
		return
	}
	if isAlert(err) {
		c.refused.CompareAndSwap(nil, &err)
	}
	c.broken.Store(true)
}

// Close takes the connection out of its pool and closes it. Of HTTP/1.1 it also
// stops the reading of the body that was being written to it: net/http waits for
// that before it reports a failure. (Of HTTP/2, net/http closes the bodies.)
func (c *peerConn) Close() error {
	s := c.pool.set
	s.mu.Lock()
	s.detachLocked(c)
	s.mu.Unlock()
	c.shut()
	return nil
}

// shut closes the connection, which is in no pool any more.
func (c *peerConn) shut() {
	if !c.shutting.CompareAndSwap(false, true) {
		return
	}
	close(c.gone)
	if c.broken.Load() || c.Conn == c.socket {
		_ = c.socket.Close() // whatever it says: it is over
	} else {
		// TLS says goodbye, if the peer lets it.
		late := time.AfterFunc(closeGrace, func() { _ = c.socket.Close() })
		_ = c.Conn.Close()
		late.Stop()
	}
	if a := c.user.Load(); a != nil {
		a.body.stop(stopGrace)
	}
}

// CloseWrite ends the stream to the peer and leaves the one from it open.
func (c *peerConn) CloseWrite() error { return closeWrite(c.Conn) }

// becomeTunnel takes all deadlines off.
func (c *peerConn) becomeTunnel() error {
	c.tunnel.Store(true)
	return c.Conn.SetDeadline(time.Time{})
}

// begin notes that a uses the connection now.
func (c *peerConn) begin(a *attempt) {
	if c.h2 {
		return
	}
	c.user.Store(a)
	c.writeTimeout.Store(int64(a.limits.WriteTimeout))
}

// end notes that a is done with the connection. One that HTTP/1.1 left in a state
// in which no request can follow is closed.
func (c *peerConn) end(a *attempt) {
	if c.tunnel.Load() {
		c.user.Store(nil)
		return
	}
	if !c.h2 {
		c.user.CompareAndSwap(a, nil)
		if c.cc.Available() == 0 {
			_ = c.Close()
			return
		}
	}
	c.pool.set.give(c)
}

// readyConn is the key under which a context has the connection for a dial of net/http.
type readyConn struct{}

// speak makes net/http speak HTTP over c.
func (c *peerConn) speak(ctx context.Context, t *http.Transport) (err error) {
	c.cc, err = t.NewClientConn(context.WithValue(ctx, readyConn{}, c), "http", "peer:80")
	return err
}
