package balance

import "math/rand/v2"

// p2c draws two peers and takes the one that costs less: latency x (in flight
// + 1) / weight. A peer whose latency is not known yet counts as fast as the
// other one. If the better one is full or was tried, the other is taken.
func (t *tier) p2c(c *choice) *Peer {
	n := len(t.peers)
	if n == 1 {
		if c.take(t.peers[0]) {
			return t.peers[0]
		}
		return nil
	}
	for range drawTries / 2 {
		i, j := rand.IntN(n), rand.IntN(n-1)
		if j >= i {
			j++
		}
		if t.cheaper(j, i, c) {
			i, j = j, i
		}
		if c.take(t.peers[i]) {
			return t.peers[i]
		}
		if c.take(t.peers[j]) {
			return t.peers[j]
		}
	}
	return nil
}

// cheaper tells whether peer i costs less than peer j.
func (t *tier) cheaper(i, j int, c *choice) bool {
	a, b := t.peers[i], t.peers[j]
	x := float64(a.inFlight.Load()+1) * float64(t.weights[j])
	y := float64(b.inFlight.Load()+1) * float64(t.weights[i])
	now := c.ref.now()
	if la, lb := a.latency.value(now), b.latency.value(now); la > 0 && lb > 0 {
		return x*la < y*lb
	}
	return x < y
}
