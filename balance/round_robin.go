package balance

import "sync/atomic"

// cursor is where round_robin is. There is one per upstream; it lives in the
// Ref, so it goes on where it was over snapshots and restarts. Every pick
// writes it: it has a cache line of its own.
type cursor struct {
	_    [cacheLine]byte
	next atomic.Uint64
	_    [cacheLine]byte
}

// roundRobin takes the next peer of the schedule.
func (t *tier) roundRobin(c *choice) *Peer {
	for range drawTries {
		i := (c.ref.cursor.next.Add(1) - 1) % uint64(len(t.schedule))
		if p := t.peers[t.schedule[i]]; c.take(p) {
			return p
		}
	}
	return nil
}
