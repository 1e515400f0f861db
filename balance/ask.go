package balance

import (
	"hash/crc32"
	"slices"
	"time"
	"unsafe"
)

// Ask is one request's wish for a peer, over all its attempts. The caller owns
// it and may use it again after Reset; one goroutine at a time uses it. It must
// not be copied after it was used.
type Ask struct {
	// Key is the request's hash key (see HashKey), used by the algorithm hash
	// when HasKey is true; an ask without one is picked for by p2c.
	Key    uint32
	HasKey bool
	// Done ends a wait when it is closed; nil = never.
	Done <-chan struct{}

	tried  []*Peer
	waiter waiter
}

// Tried notes that an attempt at p was made: later picks prefer every other
// available peer, of any tier.
func (a *Ask) Tried(p *Peer) {
	if !a.HasTried(p) {
		a.tried = append(a.tried, p)
	}
}

// HasTried tells whether an attempt at p was made.
func (a *Ask) HasTried(p *Peer) bool { return slices.Contains(a.tried, p) }

// Reset makes the ask ready for another request. What it allocated is kept.
func (a *Ask) Reset() {
	a.Key, a.HasKey, a.Done = 0, false, nil
	clear(a.tried)
	a.tried = a.tried[:0]
}

// Outcome is how an attempt at a peer ended.
type Outcome struct {
	// Failed tells that the peer is to blame: no connection, a reset, a timeout, a bad response.
	Failed bool
	// Latency is the time to the response head; 0 = none came.
	Latency time.Duration
}

// HashKey returns the hash of a key: its CRC-32 (IEEE), as nginx hashes keys.
// It does not allocate.
func HashKey(s string) uint32 {
	// The checksum only reads, so it may look at the string's own bytes; a
	// conversion would copy them to the heap.
	return crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(s), len(s)))
}
