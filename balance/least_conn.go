package balance

import "math/rand/v2"

const (
	// leastConnExact is up to how many available peers of a tier least_conn
	// finds the true minimum.
	leastConnExact = 64
	// leastConnChoices is among how many, drawn at random, it finds it beyond
	// that ("power of d choices", Mitzenmacher 2001).
	leastConnChoices = 8
)

// leastConn takes the peer with the least (in flight + 1) / weight. It begins to
// look at a random place and the first minimum wins, so equal ones take turns.
func (t *tier) leastConn(c *choice) *Peer {
	n := len(t.peers)
	for range drawTries {
		best := -1
		var bestLoad, bestWeight int64
		look := func(i int) {
			p := t.peers[i]
			load, weight := p.inFlight.Load()+1, int64(t.weights[i])
			if (c.limit > 0 && load > c.limit) || !c.allows(p) {
				return
			}
			if best < 0 || load*bestWeight < bestLoad*weight {
				best, bestLoad, bestWeight = i, load, weight
			}
		}
		if n <= leastConnExact {
			for i, k := rand.IntN(n), 0; k < n; k++ {
				look(i)
				if i++; i == n {
					i = 0
				}
			}
		} else {
			for range leastConnChoices {
				look(rand.IntN(n))
			}
		}
		if best >= 0 && c.take(t.peers[best]) {
			return t.peers[best]
		}
		if best < 0 && n <= leastConnExact {
			return nil // all were looked at
		}
	}
	return nil
}
