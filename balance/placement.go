package balance

import (
	"cmp"
	"slices"
)

const (
	// PointsPerWeight is how many points of its ring a peer has per unit of weight.
	PointsPerWeight = 160
	// MaxRingPoints is the most points that the rings of one upstream have
	// together. A configuration that asks for more is refused; a discovery that
	// leads to more gets fewer points per unit of weight, each peer at least one.
	MaxRingPoints = 4_000_000
)

// Placement is the ketama rings of the algorithm hash, one per tier. It is
// immutable and depends on the members' addresses, weights and tiers only, not
// on their state: it stays the same over flips.
type Placement struct{ rings map[int]*ring }

// NewPlacement builds the rings. It takes about 40 ns per point, so it is
// called outside actors and requests.
func NewPlacement(members []Member) *Placement {
	var total uint64
	for _, m := range members {
		total += pointsOf(m.Weight)
	}
	tiers := map[int][]owner{}
	for _, m := range members {
		points := pointsOf(m.Weight)
		if total > MaxRingPoints {
			points = max(points*MaxRingPoints/total, 1)
		}
		tiers[m.Tier] = append(tiers[m.Tier], owner{addr: m.Peer.Addr(), points: int(points)})
	}
	p := &Placement{rings: make(map[int]*ring, len(tiers))}
	for number, owners := range tiers {
		p.rings[number] = newRing(owners)
	}
	return p
}

func pointsOf(weight int) uint64 { return uint64(max(weight, 1)) * PointsPerWeight }

// ringFor returns the ring of a tier, and for each of its owners the index
// among the tier's available peers, or -1.
func (p *Placement) ringFor(t *tier) (*ring, []int32) {
	if p == nil || p.rings[t.number] == nil {
		return nil, nil
	}
	ring := p.rings[t.number]
	// Members and owners usually come in the same order, some members left out.
	owners := make([]int32, len(ring.owners))
	next := 0
	for i, o := range ring.owners {
		owners[i] = -1
		if next < len(t.peers) && t.peers[next].addr == o.addr {
			owners[i] = int32(next)
			next++
		}
	}
	if next == len(t.peers) {
		return ring, owners
	}
	byAddr := make([]int, len(t.peers))
	for i := range byAddr {
		byAddr[i] = i
	}
	slices.SortFunc(byAddr, func(i, j int) int { return cmp.Compare(t.peers[i].addr, t.peers[j].addr) })
	for i, o := range ring.owners {
		owners[i] = -1
		at, ok := slices.BinarySearchFunc(byAddr, o.addr, func(j int, addr string) int { return cmp.Compare(t.peers[j].addr, addr) })
		if ok {
			owners[i] = int32(byAddr[at])
		}
	}
	return ring, owners
}
