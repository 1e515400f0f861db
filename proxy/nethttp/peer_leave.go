package nethttp

import (
	"time"

	"github.com/weirproxy/weir/messages"
)

// setLimits takes new times, and holds the connections there are to them.
func (s *peerPools) setLimits(t messages.Transport) {
	s.mu.Lock()
	before := s.limits.Swap(&t)
	if s.h2.Load() != nil && before.H2PingInterval != t.H2PingInterval {
		s.h2.Store(newWire2(t.H2PingInterval))
	}
	if before.WriteTimeout != t.WriteTimeout {
		for _, p := range s.pools {
			for c := range p.conns {
				if c.h2 {
					c.writeTimeout.Store(int64(t.WriteTimeout))
				}
			}
		}
	}
	s.mu.Unlock()
	if before.IdleTimeout != t.IdleTimeout {
		s.purge()
	}
}

// retire closes the unused connections to addr; the others close when their
// exchange ends.
func (s *peerPools) retire(addr string) {
	s.mu.Lock()
	var unused []*peerConn
	if peer := s.peers[addr]; peer != nil {
		for p := range peer.pools {
			unused = append(unused, s.leaveLocked(p)...)
		}
	}
	s.mu.Unlock()
	for _, c := range unused {
		c.shut()
	}
}

// close does for all what retire does for one, and for what is made later.
func (s *peerPools) close() {
	s.mu.Lock()
	s.closed = true
	var unused []*peerConn
	for _, p := range s.pools {
		unused = append(unused, s.leaveLocked(p)...)
		if p.waiters.Len() == 0 {
			for d := range p.dials {
				d.abort()
			}
		}
	}
	s.mu.Unlock()
	for _, c := range unused {
		c.shut()
	}
}

// leaveLocked lets no further request use the connections of p, and returns those
// that are to be closed now.
func (s *peerPools) leaveLocked(p *pool) (unused []*peerConn) {
	for d := range p.dials {
		d.leaving = true
	}
	for c := range p.conns {
		if !c.made {
			continue // its dial is told
		}
		c.leaving = true
		p.free.remove(c)
		if c.users == 0 {
			unused = append(unused, s.detachLocked(c))
		}
	}
	return unused
}

// cut breaks the connections and dials to addr.
func (s *peerPools) cut(addr string) {
	s.mu.Lock()
	var all []*peerConn
	if peer := s.peers[addr]; peer != nil {
		for p := range peer.pools {
			for d := range p.dials {
				d.cut = true
				d.abort()
			}
			for c := range p.conns {
				c.cut.Store(true)
				c.broken.Store(true)
				all = append(all, c)
			}
		}
	}
	s.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // who uses it sees it break
	}
}

// closeGrace is how long a TLS connection may take to say that it ends.
const closeGrace = 250 * time.Millisecond
