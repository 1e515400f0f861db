package nethttp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// peerPools are the connections of a codec. Connections are opened and closed
// outside of its lock, and so is everything of net/http called: net/http calls
// peerConn.Close under locks of its own.
type peerPools struct {
	deps  PeerDeps
	wants messages.Transport
	// limits bound dials and idleness from now on.
	limits atomic.Pointer[messages.Transport]
	h1     *http.Transport
	h2     atomic.Pointer[http.Transport] // nil = it is never spoken
	stats  *peerCounters

	mu     sync.Mutex
	pools  map[poolKey]*pool
	peers  map[string]*pooledPeer // by address
	unused idleList               // in all pools, the one unused longest first
	timer  *time.Timer            // closes what is unused for too long; runs only while there is something to watch
	timed  bool                   // the timer runs
	closed bool                   // none is kept any more
}

// pooledPeer is what the pools of one address have in common.
type pooledPeer struct {
	pools  map[*pool]struct{}
	unused idleList
}

// errCut is why a connection is broken whose peer left and had its time to drain.
var errCut = errors.New("the peer left, and its drain_timeout is over")

// errStillborn is returned when a new connection broke before it could be used.
var errStillborn = errors.New("the peer closed the connection as soon as it was made")

func newPeerPools(t messages.Transport, d PeerDeps) *peerPools {
	s := &peerPools{deps: d, wants: t, h1: newWire1(), pools: map[poolKey]*pool{}, peers: map[string]*pooledPeer{},
		unused: idleList{kind: unusedOfAll}}
	if s.deps.Former = nil; d.Former != nil {
		s.stats = d.Former.pools.stats // which is all that is kept of it
	} else {
		s.stats = newPeerCounters()
	}
	s.limits.Store(&t)
	if t.ALPN == messages.H2 || t.ALPN == messages.H2H1 {
		s.h2.Store(newWire2(t.H2PingInterval))
	}
	return s
}

// take gives a connection for one request, and waits for it if it must be made.
// The error is a *dialError or that of ctx.
func (s *peerPools) take(ctx context.Context, key poolKey) (givenConn, error) {
	for {
		if ctx.Err() != nil {
			return givenConn{}, context.Cause(ctx)
		}
		s.mu.Lock()
		g, w := s.poolLocked(key).claimLocked()
		s.mu.Unlock()
		if w != nil {
			g = s.wait(ctx, w)
		}
		if g.err != nil {
			return g, g.err
		}
		if g.conn.cc.Reserve() == nil {
			return g, nil
		}
		s.overfull(g.conn)
		if g.fresh {
			return g, g.conn.stillborn()
		}
	}
}

// stillborn says why a new connection took not even one request.
func (c *peerConn) stillborn() *dialError {
	if alert := c.refused.Load(); alert != nil {
		return &dialError{messages.CodeTLS, alertError(*alert)}
	}
	return &dialError{messages.CodeReset, errStillborn}
}

// wait waits until w is given a connection.
func (s *peerPools) wait(ctx context.Context, w *waiter) givenConn {
	select {
	case g := <-w.given:
		return g
	case <-ctx.Done():
	}
	s.mu.Lock()
	if w.place != nil {
		w.pool.leaveLocked(w)
		s.mu.Unlock()
		return givenConn{err: context.Cause(ctx)}
	}
	s.mu.Unlock()
	g := <-w.given // it came in the same instant
	if g.conn != nil {
		s.give(g.conn)
	}
	return givenConn{err: context.Cause(ctx)}
}

// poolLocked returns the pool of key, which may be new.
func (s *peerPools) poolLocked(key poolKey) *pool {
	if p := s.pools[key]; p != nil {
		return p
	}
	key = key.clone()
	peer := s.peers[key.addr]
	if peer == nil {
		peer = &pooledPeer{pools: map[*pool]struct{}{}, unused: idleList{kind: unusedOfPeer}}
		s.peers[key.addr] = peer
	}
	p := &pool{key: key, set: s, peer: peer, conns: map[*peerConn]struct{}{}, dials: map[*peerDial]struct{}{}, free: idleList{kind: freeOfPool}}
	p.perConn = p.most()
	if p.perConn > unknownStreams {
		p.perConn = unknownStreams
	}
	s.pools[key], peer.pools[p] = p, struct{}{}
	return p
}

// give notes that one user of c is done with it, and that c can go on. For HTTP/2
// it cannot be told here, and Reserve will.
func (s *peerPools) give(c *peerConn) {
	room := 0
	if c.h2 {
		room = c.cc.InFlight() + c.cc.Available()
	}
	s.mu.Lock()
	c.users--
	if c.h2 && room > c.users {
		c.limit = min(c.pool.most(), room) // the peer may have changed its mind
	}
	var surplus *peerConn
	if !c.closed {
		surplus = c.pool.settleLocked(c)
	}
	s.mu.Unlock()
	if surplus != nil {
		surplus.shut()
	}
}

// declined notes that the peer closes connections like c after so many requests.
func (s *peerPools) declined(c *peerConn, took int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.pool.shortest = took
}

// overfull notes that c did not take the request it was to get: it is dead, or
// its peer allows no more at a time.
func (s *peerPools) overfull(c *peerConn) {
	s.mu.Lock()
	c.users--
	dead := c.users == 0
	if !dead && !c.closed {
		c.limit = c.users
		c.pool.free.remove(c)
	}
	s.mu.Unlock()
	if dead {
		_ = c.Close()
	}
}

// keepLocked keeps c, which nobody uses, and returns the connection that is too
// many then, or nil.
func (s *peerPools) keepLocked(c *peerConn) (surplus *peerConn) {
	c.unusedSince = time.Now()
	s.unused.push(c)
	c.pool.peer.unused.push(c)
	switch {
	case c.pool.peer.unused.n > s.wants.MaxIdle:
		surplus = s.detachLocked(c.pool.peer.unused.first)
	case s.wants.MaxIdleTotal > 0 && s.unused.n > s.wants.MaxIdleTotal:
		surplus = s.detachLocked(s.unused.first)
	}
	if !s.timed {
		s.timeLocked()
	}
	return surplus
}

// detachLocked takes c out of everything; it returns nil when it is already.
func (s *peerPools) detachLocked(c *peerConn) *peerConn {
	if c.closed {
		return nil
	}
	c.closed = true
	p := c.pool
	p.free.remove(c)
	p.peer.unused.remove(c)
	s.unused.remove(c)
	delete(p.conns, c)
	s.stats.open.Add(-1)
	p.dropLocked()
	return c
}

// timeLocked starts the timer for the connection that is unused longest.
func (s *peerPools) timeLocked() {
	limit := s.limits.Load().IdleTimeout
	s.timed = s.unused.first != nil && limit > 0
	if !s.timed {
		return
	}
	left := limit - time.Since(s.unused.first.unusedSince)
	if s.timer == nil {
		s.timer = time.AfterFunc(left, s.purge)
		return
	}
	s.timer.Reset(left)
}

// purge closes what is unused for too long, and waits for the next.
func (s *peerPools) purge() {
	s.mu.Lock()
	var old []*peerConn
	limit := s.limits.Load().IdleTimeout
	for c := s.unused.first; c != nil && limit > 0 && time.Since(c.unusedSince) >= limit; c = s.unused.first {
		old = append(old, s.detachLocked(c))
	}
	s.timeLocked()
	s.mu.Unlock()
	for _, c := range old {
		c.shut()
	}
}
