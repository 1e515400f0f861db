package balance

import "time"

// Publish puts a snapshot into force: asks pick from it from now on. Those who
// wait are called when it may have a peer for them, or sent away with
// ErrNoPeer when it says that waiting is no use. Starving may be told again.
// s is not nil (see Withdraw). Called by the upstream's actor.
func (r *Ref) Publish(s *Snapshot) {
	now := time.Now()
	m := &r.room
	m.mu.Lock()
	defer m.mu.Unlock()
	old := r.snapshot.Swap(s)
	r.starved.Store(0)
	if m.queue.head == nil {
		return
	}
	if _, ok := s.hope(now); !ok {
		m.sendAway(ErrNoPeer)
		return
	}
	m.pace.begin(old, s, now)
	m.pacing.Store(len(m.pace.peers) > 0)
	m.stir()
	m.queue.head.call()
}

// Withdraw is WithdrawDraining without a bound for the requests in flight.
func (r *Ref) Withdraw() { r.WithdrawDraining(time.Now(), 0) }

// WithdrawDraining says that the upstream is no more: asks get ErrNoUpstream,
// those who wait too, and all about its peers is forgotten. A later Publish
// begins anew. It returns the peers that left; see Retain.
func (r *Ref) WithdrawDraining(at time.Time, drain time.Duration) (left []*Peer) {
	m := &r.room
	m.mu.Lock()
	r.snapshot.Store(nil)
	r.starved.Store(0)
	m.sendAway(ErrNoUpstream)
	m.mu.Unlock()
	r.settled.Store(false)
	r.failing.Store(nil)
	r.discovery.Store(nil)
	return r.peers.retain(nil, at, drain, false)
}
