package balance

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/weirproxy/weir/messages"
)

// drawTries is how many candidates an algorithm proposes before every peer of
// the tier is looked at. It matters only while peers are at their limit or were
// tried already.
const drawTries = 8

// tier is what can be picked from the available peers of one tier.
type tier struct {
	number  int
	peers   []*Peer
	weights []uint32

	// What the algorithm needs; the rest is empty.
	schedule []uint32 // round_robin
	alias    alias    // random
	ring     *ring    // hash
	owners   []int32  // hash: owner in the ring -> index in peers, -1 = not available
}

// choice is one try to pick: who asks, and what is allowed.
type choice struct {
	ask *Ask
	// ref has the cursor and the clock.
	ref   *Ref
	limit int64
	// paced respects the windows of peers that just became available.
	paced bool
	// again allows peers that were tried before.
	again bool
	// swept, when set, is where a look at all peers goes on.
	swept *sweep
}

// sweep is how far a look at all peers came: the tiers before tier, and of
// that the peers before peer, had no free slot.
type sweep struct{ tier, peer int }

// take takes a slot of p for the choice.
func (c *choice) take(p *Peer) bool {
	return c.allows(p) && p.take(c.limit, c.paced)
}

func (c *choice) allows(p *Peer) bool { return c.again || !c.ask.HasTried(p) }

// pick takes a slot of an available peer, or returns nil when no available
// peer has a free one. The lowest tier that has one wins; peers tried before
// come after all others, of any tier.
func (s *Snapshot) pick(c choice) *Peer {
	c.limit = int64(s.config.Policy.Limits.MaxRequests)
	c.again = len(c.ask.tried) == 0
	for {
		for i := range s.tiers {
			if p := s.tiers[i].pick(i, s.config.Policy.Algo.Kind, &c); p != nil {
				return p
			}
		}
		if c.again {
			return nil
		}
		c.again = true
	}
}

// prefers tells whether a pick for the ask would not look further if p is the
// only peer with a free slot that it knows of: p is available in the first
// tier, nothing was tried, and no key says who it should be. False also when it
// cannot be told cheaply.
func (s *Snapshot) prefers(p *Peer, a *Ask) bool {
	if len(s.tiers) == 0 || !s.sweeps(a) {
		return false
	}
	first, place := s.tiers[0].peers, int(p.place.Load())
	return place < len(first) && first[place] == p
}

// sweeps tells whether a look at all peers on behalf of a serves all asks alike.
func (s *Snapshot) sweeps(a *Ask) bool {
	return len(a.tried) == 0 && !(a.HasKey && s.config.Policy.Algo.Kind == messages.Hash)
}

// pick lets the algorithm choose, and looks at every peer when its choices had no free slot.
func (t *tier) pick(index int, kind messages.AlgoKind, c *choice) *Peer {
	var p *Peer
	from := -1
	switch kind {
	case messages.LeastConn:
		p = t.leastConn(c)
	case messages.Random:
		p = t.random(c)
	case messages.Hash:
		if c.ask.HasKey && t.ring != nil {
			p, from = t.hash(c)
			break
		}
		p = t.p2c(c)
	case messages.P2C:
		p = t.p2c(c)
	default:
		p = t.roundRobin(c)
	}
	if p != nil {
		return p
	}
	if c.swept != nil {
		return t.sweep(index, c)
	}
	if from < 0 {
		from = rand.IntN(len(t.peers))
	}
	return t.scan(c, from)
}

// scan looks at every peer once, beginning with index from.
func (t *tier) scan(c *choice, from int) *Peer {
	for _, p := range t.peers[from:] {
		if c.take(p) {
			return p
		}
	}
	for _, p := range t.peers[:from] {
		if c.take(p) {
			return p
		}
	}
	return nil
}

// sweep looks at the peers that c.swept has left, of the tier with that index.
func (t *tier) sweep(index int, c *choice) *Peer {
	if index < c.swept.tier {
		return nil
	}
	if index > c.swept.tier {
		*c.swept = sweep{tier: index}
	}
	for ; c.swept.peer < len(t.peers); c.swept.peer++ {
		if p := t.peers[c.swept.peer]; c.take(p) {
			return p
		}
	}
	return nil
}

// newTiers sorts the available members into tiers, the lowest first.
func newTiers(c SnapshotConfig) []tier {
	var tiers []tier
	i := 0
	for _, m := range c.Members {
		if !m.Available {
			continue
		}
		// Neighbours are mostly of one tier, and tiers are few.
		if i >= len(tiers) || tiers[i].number != m.Tier {
			i = slices.IndexFunc(tiers, func(t tier) bool { return t.number == m.Tier })
		}
		if i < 0 {
			i = len(tiers)
			tiers = append(tiers, tier{number: m.Tier})
		}
		m.Peer.place.Store(int32(len(tiers[i].peers)))
		tiers[i].peers = append(tiers[i].peers, m.Peer)
		tiers[i].weights = append(tiers[i].weights, uint32(m.Weight))
	}
	slices.SortFunc(tiers, func(a, b tier) int { return cmp.Compare(a.number, b.number) })
	for i := range tiers {
		tiers[i].prepare(c)
	}
	return tiers
}

// prepare makes what the algorithm needs.
func (t *tier) prepare(c SnapshotConfig) {
	switch c.Policy.Algo.Kind {
	case messages.LeastConn, messages.P2C:
	case messages.Random:
		t.alias = newAlias(t.weights)
	case messages.Hash:
		t.ring, t.owners = c.Placement.ringFor(t)
	default:
		t.schedule = newSchedule(t.weights)
	}
}
