package balance

import (
	"slices"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Member is a peer in a snapshot.
type Member struct {
	Peer *Peer
	// Weight is the peer's share, at least 1; less counts as 1.
	Weight int
	// Tier is 0 for peers that are used first.
	Tier int
	// Available tells whether the peer may get new requests.
	Available bool
	// Outgoing tells that the peer is not of the present set: it serves until a
	// peer of that is known to work.
	Outgoing bool
}

// Policy says how a snapshot picks and what it takes.
type Policy struct {
	Algo messages.Algo
	// Limits; a QueueTimeout of 0 means DefaultQueueTimeout.
	Limits messages.Limits
	// Transparent tells that each request names its own destination: there are no
	// members, and the state is healthy all the same.
	Transparent bool
}

// DefaultQueueTimeout is how long an ask waits when the policy does not say.
const DefaultQueueTimeout = 5 * time.Second

// SnapshotConfig is what a snapshot is made of.
type SnapshotConfig struct {
	Policy  Policy
	Members []Member
	// Placement is the ring of the algorithm hash, made of the same members;
	// without one, hash picks as p2c does. Others ignore it.
	Placement *Placement
	// Pending tells that the first discovery is under way: asks may wait for it.
	Pending bool
	// EmptySince is when the set became empty; zero = it is not, or has always
	// been. It may tell so of a set that is not empty any more, too, none of
	// whose members was found healthy yet. Asks may wait until QueueTimeout after it.
	EmptySince time.Time
	// At is when the snapshot was made.
	At time.Time
	// Parked tells that the upstream's actor is given up for now.
	Parked bool
	// Probed tells that verdicts decide who is available. Then asks may wait
	// although nobody is, while a verdict is only remembered.
	Probed bool
	// ReplaceBy is when the outgoing members are to be gone; zero = there are none.
	ReplaceBy time.Time
}

// Snapshot is the immutable picture of an upstream that requests pick from.
type Snapshot struct {
	config    SnapshotConfig
	available int
	// outgoing counts the members that are.
	outgoing int
	// awaiting tells that no member is available, and that not all of them were
	// probed by this process.
	awaiting bool
	tiers    []tier
}

// NewSnapshot makes a snapshot. It copies the members; O(n) in their number
// for all algorithms but round_robin (see schedule).
func NewSnapshot(c SnapshotConfig) *Snapshot {
	c.Members = slices.Clone(c.Members)
	s := &Snapshot{config: c}
	for i := range c.Members {
		c.Members[i].Weight = max(c.Members[i].Weight, 1)
		if c.Members[i].Available {
			s.available++
		}
		if c.Members[i].Outgoing {
			s.outgoing++
		}
	}
	s.awaiting = c.Probed && s.available == 0 &&
		slices.ContainsFunc(c.Members, func(m Member) bool { return m.Peer.Remembered() })
	s.tiers = newTiers(c)
	return s
}

// Members returns a copy of the members, in the order given.
func (s *Snapshot) Members() []Member { return slices.Clone(s.config.Members) }

// Len returns how many members there are.
func (s *Snapshot) Len() int { return len(s.config.Members) }

// Available returns how many of them are available.
func (s *Snapshot) Available() int { return s.available }

// Policy returns the policy.
func (s *Snapshot) Policy() Policy { return s.config.Policy }

// At returns when the snapshot was made.
func (s *Snapshot) At() time.Time { return s.config.At }

// EmptySince returns when the set became empty; see SnapshotConfig.
func (s *Snapshot) EmptySince() time.Time { return s.config.EmptySince }

// Parked tells whether the upstream's actor is given up for now.
func (s *Snapshot) Parked() bool { return s.config.Parked }

// ReplaceBy returns when the outgoing members are to be gone; zero = there are none.
func (s *Snapshot) ReplaceBy() time.Time { return s.config.ReplaceBy }

// Placement returns the rings of the algorithm hash; nil = there are none.
func (s *Snapshot) Placement() *Placement { return s.config.Placement }

// State sums the snapshot up. An empty set is down, unless discovery is pending.
// Outgoing members stand for the set while there are any.
func (s *Snapshot) State() messages.UpstreamState {
	members := len(s.config.Members)
	if s.outgoing > 0 {
		members = s.outgoing
	}
	switch {
	case s.config.Policy.Transparent:
		return messages.StateHealthy
	case s.config.Pending:
		return messages.StatePending
	case s.available == 0:
		return messages.StateDown
	case s.available < members:
		return messages.StateDegraded
	}
	return messages.StateHealthy
}

// Reconsider returns a snapshot of the same members in which the peers'
// present verdicts decide who is available: healthy is, unhealthy is not,
// unknown is as it was. Outgoing members are not, once another is healthy.
func (s *Snapshot) Reconsider(at time.Time) *Snapshot {
	c := s.config
	c.At, c.Members = at, slices.Clone(c.Members)
	replaced := false
	for i := range c.Members {
		m := &c.Members[i]
		switch m.Peer.Verdict() {
		case messages.Healthy:
			m.Available = true
			replaced = replaced || !m.Outgoing && !m.Peer.Remembered()
		case messages.Unhealthy:
			m.Available = false
		}
	}
	for i := range c.Members {
		if replaced && c.Members[i].Outgoing {
			c.Members[i].Available = false
		}
	}
	return NewSnapshot(c)
}

// queueTimeout returns how long an ask may wait.
func (s *Snapshot) queueTimeout() time.Duration {
	if t := s.config.Policy.Limits.QueueTimeout; t > 0 {
		return t
	}
	return DefaultQueueTimeout
}

// hope says until when it makes sense to wait for a peer. ok is false when it
// makes none; a zero time means as long as the ask may.
func (s *Snapshot) hope(now time.Time) (until time.Time, ok bool) {
	switch {
	case s.available > 0, s.awaiting, s.config.Pending, s.config.Policy.Limits.QueueWhenDown:
		return time.Time{}, true
	case s.config.EmptySince.IsZero():
		return time.Time{}, false
	}
	until = s.config.EmptySince.Add(s.queueTimeout())
	return until, now.Before(until)
}
