package balance

import (
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// StarvingAgain is after how long OnStarving is called again when asks still
// find no peer and no snapshot was published since.
const StarvingAgain = time.Second

// Ref is the face that an upstream shows to requests, and what keeps the
// upstream's state while its actor restarts. It is made by Registry.Ref. All
// methods are safe from many goroutines.
//
// Acquire is what a request does: it reads the snapshot that was published
// last and picks; see room for when it waits instead.
type Ref struct {
	name     string
	registry *Registry
	// epoch is the zero of now.
	epoch    time.Time
	snapshot atomic.Pointer[Snapshot] // stored under room.mu
	settled  atomic.Bool
	failing  atomic.Pointer[string]
	// starved is when starve was called, on the clock of now; 0 = not since the last Publish.
	starved atomic.Int64
	// discovery is what came of the latest discovery; nil = there was none.
	discovery atomic.Pointer[DiscoveryRecord]

	cursor cursor
	room   room
	peers  peerSet
}

func newRef(name string, registry *Registry) *Ref {
	r := &Ref{name: name, registry: registry, epoch: time.Now()}
	r.peers.upstream, r.peers.tell, r.peers.known = name, registry.tellVerdict, map[string]*Peer{}
	return r
}

// Name returns the upstream's name.
func (r *Ref) Name() string { return r.name }

// Snapshot returns what was published last; nil when the upstream does not
// exist: nothing was published yet, or it was withdrawn.
func (r *Ref) Snapshot() *Snapshot { return r.snapshot.Load() }

// Acquire returns a peer with one of its slots, which Release gives back, or
//   - ErrNoUpstream: the upstream does not exist,
//   - ErrNoPeer: no peer is available and waiting is no use,
//   - ErrQueueFull: all available peers are at their limit, and so is the queue,
//   - ErrQueueTimeout: waited queue_timeout,
//   - ErrGone: a.Done was closed during the wait.
//
// Without anybody waiting it takes no lock and does not allocate.
func (r *Ref) Acquire(a *Ask) (*Peer, error) {
	s := r.snapshot.Load()
	if s == nil {
		return nil, ErrNoUpstream
	}
	if r.room.waiting.Load() == 0 {
		if p := s.pick(choice{ask: a, ref: r}); p != nil {
			return p, nil
		}
	}
	return r.wait(a, s)
}

// Release gives back the slot that Acquire took and notes how it went. It is
// called exactly once per successful Acquire.
func (r *Ref) Release(p *Peer, o Outcome) {
	if s := r.snapshot.Load(); s != nil && s.weighsLatency() {
		if seen := o.observed(); seen > 0 {
			p.latency.observe(seen, r.now())
		}
	}
	p.give(o.Failed)
	// The slot is free before this load, and a waiter is counted before it looks
	// for slots: one of the two sees the other.
	if r.room.waiting.Load() > 0 {
		r.room.wakeHead(p)
	}
}

// observed returns the latency that the outcome counts as; 0 = it says nothing.
func (o Outcome) observed() time.Duration {
	if o.Failed {
		return max(o.Latency, failurePenalty)
	}
	return o.Latency
}

// weighsLatency tells whether picks look at latencies.
func (s *Snapshot) weighsLatency() bool {
	kind := s.config.Policy.Algo.Kind
	return kind == messages.P2C || kind == messages.Hash
}

// Waiting returns how many asks wait.
func (r *Ref) Waiting() int { return int(r.room.waiting.Load()) }

// Settled tells whether every peer of the upstream had its first result once.
func (r *Ref) Settled() bool { return r.settled.Load() }

// SetSettled notes whether every peer had its first result. It is kept until Withdraw.
func (r *Ref) SetSettled(settled bool) { r.settled.Store(settled) }

// DiscoveryFails tells whether the latest discovery failed, and what of it, as far as was told.
func (r *Ref) DiscoveryFails() (what string, fails bool) {
	if f := r.failing.Load(); f != nil {
		return *f, true
	}
	return "", false
}

// SetDiscoveryFails notes that discovery fails, and what of it; nil = nothing of
// it does. It is kept until Withdraw.
func (r *Ref) SetDiscoveryFails(what *string) { r.failing.Store(what) }

// Peer returns the peer with an address and makes it when there is none. One
// that drains is taken back, with its counters.
func (r *Ref) Peer(addr string) *Peer { return r.peers.get(addr) }

// Retain forgets all peers but addrs, in which none is twice, and returns those
// that left. A peer that comes back later is a new one: its verdict is unknown.
// Only requests that are still in flight go on counting against its limit; they
// may go on until drain after at, 0 = for ever (see EndDrains). Remembered peers
// stay until NoteComplete was called.
func (r *Ref) Retain(addrs []string, at time.Time, drain time.Duration) (left []*Peer) {
	return r.peers.retain(addrs, at, drain, true)
}

// now returns the Ref's clock: nanoseconds since it was made, at least 1.
func (r *Ref) now() int64 { return int64(time.Since(r.epoch)) + 1 }

// hungry tells OnStarving that an ask found no peer, unless it knows already.
func (r *Ref) hungry() {
	now, last := r.now(), r.starved.Load()
	if last != 0 && now-last < int64(StarvingAgain) {
		return
	}
	if r.starved.CompareAndSwap(last, now) {
		r.registry.starve(r.name)
	}
}
