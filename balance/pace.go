package balance

import "time"

const (
	// paceStart is how many waiting asks a peer gets at first when it becomes
	// available while asks wait.
	paceStart = 4
	// paceRefill is after how long the windows open by paceStart more although
	// nothing finished, so that requests that hang cannot stop the room.
	paceRefill = 100 * time.Millisecond
)

// pace keeps a crowd of waiting asks from burying a peer that just became
// available, as slow start does in TCP (RFC 5681, section 3.1): the peer gets a
// window, a bound on its requests in flight that counts for waiting asks alone.
// It opens by one with each request that ends well, so that with each round
// of requests it doubles; a failed one frees its slot and no more. The windows end
// when nobody waits. All fields are guarded by room.mu.
type pace struct {
	peers []*Peer
	// refill is when the windows open by themselves; zero while there are none.
	refill time.Time
}

// begin gives windows to the peers that are available in s and were not in old.
func (c *pace) begin(old, s *Snapshot, now time.Time) {
	var before map[*Peer]struct{}
	if old != nil && old.available > 0 {
		before = make(map[*Peer]struct{}, old.available)
		for _, m := range old.config.Members {
			if m.Available {
				before[m.Peer] = struct{}{}
			}
		}
	}
	for _, m := range s.config.Members {
		if !m.Available {
			continue
		}
		if _, was := before[m.Peer]; was || m.Peer.window.Load() != 0 {
			continue
		}
		m.Peer.window.Store(m.Peer.InFlight() + paceStart)
		c.peers = append(c.peers, m.Peer)
	}
	if len(c.peers) > 0 && c.refill.IsZero() {
		c.refill = now.Add(paceRefill)
	}
}

// tick opens the windows when it is time, and tells whether it did.
func (c *pace) tick(now time.Time) bool {
	if len(c.peers) == 0 || now.Before(c.refill) {
		return false
	}
	for _, p := range c.peers {
		p.widen(paceStart)
	}
	c.refill = now.Add(paceRefill)
	return true
}

// end closes the account: asks that do not wait take what they find.
func (c *pace) end() {
	for _, p := range c.peers {
		p.window.Store(0)
	}
	clear(c.peers)
	c.peers, c.refill = c.peers[:0], time.Time{}
}
