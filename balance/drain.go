package balance

import (
	"slices"
	"strings"
	"time"
)

// departure is a peer that left the set.
type departure struct {
	peer  *Peer
	since time.Time
	// cut is when its requests are to be cut; zero = never, or that was done.
	cut time.Time
}

func newDeparture(p *Peer, at time.Time, drain time.Duration) departure {
	d := departure{peer: p, since: at}
	if drain > 0 {
		d.cut = at.Add(drain)
	}
	return d
}

// Draining is a peer that left the set and still has requests in flight.
type Draining struct {
	Peer *Peer
	// Since is when it left.
	Since time.Time
	// Cut is when its requests are cut; zero = never, or they were told to end.
	Cut time.Time
}

// Draining returns the peers that left the set and still have requests in
// flight, sorted by address; of an upstream that was withdrawn too.
func (r *Ref) Draining() []Draining {
	s := &r.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	var draining []Draining
	for _, gone := range s.leaving {
		if gone.peer.InFlight() > 0 {
			draining = append(draining, Draining{Peer: gone.peer, Since: gone.since, Cut: gone.cut})
		}
	}
	slices.SortFunc(draining, func(a, b Draining) int { return strings.Compare(a.Peer.addr, b.Peer.addr) })
	return draining
}

// NextDeadline returns the earliest time at which a drain ends, whether or not
// requests are in flight; false when there is none.
func (r *Ref) NextDeadline() (next time.Time, ok bool) {
	s := &r.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, gone := range s.leaving {
		if !gone.cut.IsZero() && (!ok || gone.cut.Before(next)) {
			next, ok = gone.cut, true
		}
	}
	return next, ok
}

// EndDrains ends the drains whose time is up, and returns their peers sorted by
// address: each once. Those without a request in flight are forgotten, the
// others only when they have none. One that came back in time is not among them.
func (r *Ref) EndDrains(now time.Time) (ended []*Peer) {
	s := &r.peers
	s.mu.Lock()
	defer s.mu.Unlock()
	for addr, gone := range s.leaving {
		if gone.cut.IsZero() || now.Before(gone.cut) {
			continue
		}
		ended = append(ended, gone.peer)
		if gone.peer.InFlight() == 0 {
			delete(s.leaving, addr)
			continue
		}
		gone.cut = time.Time{}
		s.leaving[addr] = gone
	}
	slices.SortFunc(ended, func(a, b *Peer) int { return strings.Compare(a.addr, b.addr) })
	return ended
}
