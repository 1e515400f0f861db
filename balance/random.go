package balance

import "math/rand/v2"

// random draws a peer with its weight's probability.
func (t *tier) random(c *choice) *Peer {
	for range drawTries {
		if p := t.peers[t.alias.draw()]; c.take(p) {
			return p
		}
	}
	return nil
}

// alias draws indexes with given weights in constant time (Walker's alias
// method, tables after Vose 1991). Weights are exact: all is integers.
type alias struct {
	sum   uint64   // of the weights
	share []uint64 // of sum: what of column i is i's own
	other []uint32 // whose the rest of column i is
}

func newAlias(weights []uint32) alias {
	n := len(weights)
	a := alias{share: make([]uint64, n), other: make([]uint32, n)}
	for _, w := range weights {
		a.sum += uint64(w)
	}
	var less, more []uint32
	for i, w := range weights {
		a.share[i], a.other[i] = uint64(w)*uint64(n), uint32(i)
		if a.share[i] < a.sum {
			less = append(less, uint32(i))
		} else {
			more = append(more, uint32(i))
		}
	}
	// Each column that is not full is filled from one that has too much.
	for len(less) > 0 && len(more) > 0 {
		poor, rich := less[len(less)-1], more[len(more)-1]
		less = less[:len(less)-1]
		a.other[poor] = rich
		a.share[rich] -= a.sum - a.share[poor]
		if a.share[rich] < a.sum {
			more = more[:len(more)-1]
			less = append(less, rich)
		}
	}
	return a
}

// draw returns an index.
func (a *alias) draw() int {
	if len(a.share) == 1 {
		return 0
	}
	i := rand.IntN(len(a.share))
	if rand.Uint64N(a.sum) < a.share[i] {
		return i
	}
	return int(a.other[i])
}
