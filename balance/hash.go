package balance

// ringWalk is how many points of the ring are looked at for an available peer
// with a free slot. A tenth of the peers available is enough for all but one key
// in 10^11 to end here.
const ringWalk = 256

// hash takes the peer that the ask's key belongs to; when that is not
// available, full or was tried, the next one along the ring, so that the keys of a lost
// peer spread over all others. When the walk finds none, it returns the index
// at which the tier is looked through, which depends on the key alone.
func (t *tier) hash(c *choice) (*Peer, int) {
	key := c.ask.Key
	at, last := t.ring.find(key), -1
	for range min(ringWalk, len(t.ring.points)) {
		owner := t.ring.points[at].owner()
		if owner != last {
			last = owner
			if i := t.owners[owner]; i >= 0 && c.take(t.peers[i]) {
				return t.peers[i], 0
			}
		}
		if at++; at == len(t.ring.points) {
			at = 0
		}
	}
	// The ring's keys are uniform in 32 bits, so the product maps them evenly to the peers.
	return nil, int(uint64(key) * 0x9E3779B97F4A7C15 >> 32 * uint64(len(t.peers)) >> 32)
}
