package nethttp

import (
	"container/list"

	"github.com/weirproxy/weir/messages"
)

// pool are the connections that requests of one key may share, the dials under
// way, and the requests that wait for them. It exists while it has any of these.
// All of it is guarded by the mu of its set.
type pool struct {
	key  poolKey
	set  *peerPools
	peer *pooledPeer
	// conns are all that are open, tunnels among them.
	conns map[*peerConn]struct{}
	free  idleList
	dials map[*peerDial]struct{}
	// waiters are in the order in which they came. For each there is room on a
	// connection that is being made.
	waiters list.List
	// perConn is how many requests a connection that is being made will take, as
	// far as is known.
	perConn int
	// shortest is how many requests a connection took on which the peer declined
	// others, in favour of new ones (nginx's keepalive_requests); 0 = not known, or
	// not so any more. No more share a connection: else most of them would be
	// declined each time one is made.
	shortest int
}

// unknownStreams is what an HTTP/2 peer is thought to allow until it says so;
// RFC 9113, 6.5.2 recommends it as the least.
const unknownStreams = 100

// waiter is a request that waits for a connection.
type waiter struct {
	pool  *pool
	place *list.Element  // nil = it was answered, or left
	given chan givenConn // has room for the one answer
}

// givenConn is what a request gets: a connection, and whether it is its first user.
type givenConn struct {
	conn  *peerConn
	fresh bool
	err   error
}

// most is how many requests may share a connection at a time, as far as it is weir's to say.
func (p *pool) most() int {
	if p.key.alpn == messages.H1 || p.set.wants.MaxIdle == 0 {
		return 1
	}
	most := 1 << 30
	for _, bound := range []int{p.set.wants.MaxH2Streams, p.shortest} {
		if bound > 0 {
			most = min(most, bound)
		}
	}
	return most
}

// claimLocked gives the connection that was freed last, or a place in the queue.
func (p *pool) claimLocked() (givenConn, *waiter) {
	if c := p.free.last; c != nil {
		return p.useLocked(c), nil
	}
	w := &waiter{pool: p, given: make(chan givenConn, 1)}
	w.place = p.waiters.PushBack(w)
	p.dialLocked()
	return givenConn{}, w
}

// useLocked counts one more user of c.
func (p *pool) useLocked(c *peerConn) givenConn {
	if c.users++; c.users == 1 {
		p.set.unused.remove(c)
		p.peer.unused.remove(c)
	}
	if c.users >= c.limit {
		p.free.remove(c)
	}
	fresh := c.served == 0
	if c.served++; c.served > 2*p.shortest {
		p.shortest = 0 // those that were declined cannot be that many
	}
	if !fresh {
		p.set.stats.reused.Add(1)
	}
	return givenConn{conn: c, fresh: fresh}
}

// offerLocked gives c to those that wait, as far as it takes them.
func (p *pool) offerLocked(c *peerConn) {
	for c.users < c.limit {
		w := p.nextLocked()
		if w == nil {
			return
		}
		w.given <- p.useLocked(c)
	}
}

// nextLocked takes the request that waits longest out of the queue.
func (p *pool) nextLocked() *waiter {
	front := p.waiters.Front()
	if front == nil {
		return nil
	}
	w := front.Value.(*waiter)
	p.waiters.Remove(front)
	w.place = nil
	return w
}

// dialLocked sees to it that so many connections are being made that there will
// be room for all who wait.
func (p *pool) dialLocked() {
	for len(p.dials)*p.perConn < p.waiters.Len() {
		p.set.startLocked(p)
	}
}

// failLocked tells those who wait, and for whom no dial is left, why there is no connection.
func (p *pool) failLocked(err error) {
	for p.waiters.Len() > len(p.dials)*p.perConn {
		p.nextLocked().given <- givenConn{err: err}
	}
}

// leaveLocked takes a request out of the queue that will not wait longer. A dial
// goes on, for those to come, if others can use its connection.
func (p *pool) leaveLocked(w *waiter) {
	p.waiters.Remove(w.place)
	w.place = nil
	if p.waiters.Len() > 0 || !p.key.from.IsValid() && !p.set.closed && p.set.wants.MaxIdle > 0 {
		return
	}
	for d := range p.dials {
		d.abort()
	}
}

// settleLocked puts c where it belongs after its number of users fell, or it was
// made. It returns a connection to be closed, or nil.
func (p *pool) settleLocked(c *peerConn) *peerConn {
	if c.leaving {
		if c.users > 0 {
			return nil
		}
		return p.set.detachLocked(c)
	}
	p.offerLocked(c)
	if c.users < c.limit {
		p.free.push(c)
	}
	if c.users > 0 {
		return nil
	}
	return p.set.keepLocked(c)
}

// dropLocked forgets the pool when nothing is left of it.
func (p *pool) dropLocked() {
	if len(p.conns) > 0 || len(p.dials) > 0 || p.waiters.Len() > 0 || p.set.pools[p.key] != p {
		return
	}
	delete(p.set.pools, p.key)
	delete(p.peer.pools, p)
	if len(p.peer.pools) == 0 {
		delete(p.set.peers, p.key.addr)
	}
}
