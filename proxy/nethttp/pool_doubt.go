package nethttp

import "time"

// doubt is asked after a request failed before its response: what happened to its
// connection may say something of others, or of those to come.
func (a *attempt) doubt() {
	switch c := a.conn; {
	case c.h2 && a.metSilence():
		c.pool.set.part(c)
	case !c.h2 && a.wasDead():
		c.pool.set.forsake(c.pool)
	}
}

// silencePatience is for upstreams without a connection_timeout.
const silencePatience = 3 * time.Second

// await notes that a request waits for the peer's next word on c, of HTTP/2.
func (c *peerConn) await() {
	if got := c.got.Load() + 1; c.askedAt.Swap(got) != got { // it said something since others asked
		c.askedSince.Store(time.Now().UnixNano())
	}
}

// metSilence tells whether nothing at all came on the connection since requests began
// to wait on it, for as long as a connection may take to be made: so a path that
// swallows packets looks, which TCP notices after many minutes.
func (a *attempt) metSilence() bool {
	c, patience := a.conn, a.limits.ConnectionTimeout
	if patience <= 0 {
		patience = silencePatience
	}
	return c.got.Load()+1 == c.askedAt.Load() && time.Since(time.Unix(0, c.askedSince.Load())) >= patience
}

// part gives no further request to c, of HTTP/2; it is closed when those under way
// are over, or at once when there are none.
func (s *peerPools) part(c *peerConn) {
	s.mu.Lock()
	var unused *peerConn
	if !c.closed {
		c.leaving = true
		c.pool.free.remove(c)
		if c.made && c.users == 0 {
			unused = s.detachLocked(c)
		}
	}
	s.mu.Unlock()
	if unused != nil {
		unused.shut()
	}
}

// forsake closes the connections of p, of HTTP/1.1, that nobody uses: one like them
// turned out to be dead, as all are when a peer was restarted, or a firewall
// between forgot them. Without that, each costs a request one of its attempts.
func (s *peerPools) forsake(p *pool) {
	var dead []*peerConn
	s.mu.Lock()
	for c := p.free.last; c != nil; {
		next := c.links[freeOfPool].prev
		if c.users == 0 && c.served > 0 {
			dead = append(dead, s.detachLocked(c))
		}
		c = next
	}
	s.mu.Unlock()
	for _, c := range dead {
		c.shut()
	}
}
