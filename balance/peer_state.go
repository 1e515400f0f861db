package balance

import (
	"iter"
	"time"

	"github.com/weirproxy/weir/messages"
)

// PeerState is what is known of a peer at one moment.
type PeerState struct {
	Verdict messages.Verdict
	// Remembered: see Peer.Remembered.
	Remembered bool
	// Since is when the verdict came into force; zero = there is none.
	Since time.Time
	// Code and Detail are the reason of the verdict; empty = there is none.
	Code   messages.Code
	Detail string
	// Flips is how often the verdict changed since the peer is known.
	Flips uint64
	// Probe is the latest probe; Probed false = there was none.
	Probe  ProbeRecord
	Probed bool
	// InFlight, Requests and Failures are the counters of the same names. Requests
	// change them without a lock, so they may be a moment apart.
	InFlight           int64
	Requests, Failures uint64
}

// State returns what is known of the peer. Verdict, reason and probe belong
// together. It does not allocate.
func (p *Peer) State() PeerState {
	s := PeerState{InFlight: p.InFlight(), Requests: p.Requests(), Failures: p.Failures()}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Verdict, s.Remembered, s.Since, s.Code, s.Detail = p.Verdict(), p.Remembered(), p.since, p.code, p.detail
	s.Flips, s.Probe, s.Probed = p.flips, p.probe, p.probed
	return s
}

// States iterates over all peers of the upstream that are known, in no order:
// those that are remembered and not found yet are among them, those that drain
// are not. The body may call any method of the Ref.
func (r *Ref) States() iter.Seq2[*Peer, PeerState] {
	return func(yield func(*Peer, PeerState) bool) {
		for _, p := range r.peers.all() {
			if !yield(p, p.State()) {
				return
			}
		}
	}
}
