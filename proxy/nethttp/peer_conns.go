package nethttp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// peerConns are the connections of a codec by the address of their peer, those
// that are being dialled among them. A connection comes in when it is dialled
// and goes out when it is closed; requests take no lock here.
type peerConns struct {
	// limits bound dials and idleness from now on.
	limits atomic.Pointer[messages.Transport]

	mu     sync.Mutex
	byAddr map[string]map[*peerConn]struct{}
	closed bool // none is kept any more
}

// errCut is why a connection is broken whose peer left and had its time to drain.
var errCut = errors.New("the peer left, and its drain_timeout is over")

func newPeerConns(t messages.Transport) *peerConns {
	s := &peerConns{byAddr: map[string]map[*peerConn]struct{}{}}
	s.limits.Store(&t)
	return s
}

// begin notes a dial; abort ends it.
func (s *peerConns) begin(addr string, abort context.CancelFunc) *peerConn {
	c := &peerConn{set: s, addr: addr, abort: abort}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAddr[addr] == nil {
		s.byAddr[addr] = map[*peerConn]struct{}{}
	}
	s.byAddr[addr][c] = struct{}{}
	c.leaving.Store(s.closed)
	return c
}

// made notes that c is connected. It returns false when c was cut meanwhile.
func (s *peerConns) made(c *peerConn, conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Conn = conn
	c.idle.Store(time.Now().UnixNano())
	s.watchLocked(c)
	return !c.cut.Load()
}

// remove forgets c.
func (s *peerConns) remove(c *peerConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	delete(s.byAddr[c.addr], c)
	if len(s.byAddr[c.addr]) == 0 {
		delete(s.byAddr, c.addr)
	}
}

// setLimits takes new limits, and watches the connections there are by them.
func (s *peerConns) setLimits(t messages.Transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.limits.Swap(&t)
	if before.IdleTimeout == t.IdleTimeout {
		return
	}
	for _, conns := range s.byAddr {
		for c := range conns {
			if c.Conn != nil {
				s.watchLocked(c)
			}
		}
	}
}

// watchLocked sets the timer that closes c when it is idle for too long. It is
// not moved when c is used, but finds out when it fires.
func (s *peerConns) watchLocked(c *peerConn) {
	limit := s.limits.Load().IdleTimeout
	if c.timer != nil {
		c.timer.Stop()
	}
	if limit <= 0 {
		return
	}
	left := limit
	if since := c.idle.Load(); since != 0 {
		left -= time.Since(time.Unix(0, since))
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(left, func() { s.look(c) })
		return
	}
	c.timer.Reset(left)
}

// look closes c when it was idle for too long, or looks again when it may be.
func (s *peerConns) look(c *peerConn) {
	s.mu.Lock()
	since, limit := c.idle.Load(), s.limits.Load().IdleTimeout
	late := since != 0 && limit > 0 && time.Since(time.Unix(0, since)) >= limit
	if _, open := s.byAddr[c.addr][c]; open && !late {
		s.watchLocked(c)
	}
	s.mu.Unlock()
	if late {
		_ = c.Close() // net/http notices
	}
}

// leave closes the idle connections to addr, or to all peers when every is set;
// the others close when their exchange ends.
func (s *peerConns) leave(addr string, every bool) {
	s.mu.Lock()
	s.closed = s.closed || every
	var idle []*peerConn
	for at, conns := range s.byAddr {
		if !every && at != addr {
			continue
		}
		for c := range conns {
			c.leaving.Store(true)
			if c.idle.Load() != 0 {
				idle = append(idle, c)
			}
		}
	}
	s.mu.Unlock()
	for _, c := range idle {
		_ = c.Close() // net/http notices
	}
}

// cutAll breaks the connections and dials to addr.
func (s *peerConns) cutAll(addr string) {
	s.mu.Lock()
	var all []*peerConn
	for c := range s.byAddr[addr] {
		c.cut.Store(true)
		c.broken.Store(true)
		if c.Conn == nil {
			c.abort()
			continue
		}
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // who uses it sees it break
	}
}
