package balance

import (
	"sync"
	"time"
)

// peerSet is the peers of an upstream by address.
type peerSet struct {
	upstream string
	// tell is called, without mu, when a verdict changed or was forgotten.
	tell func()

	mu    sync.Mutex
	known map[string]*Peer
	// leaving are peers that were forgotten: all of the last retain, because an
	// old snapshot may still be picked from, those with requests in flight, and
	// those whose deadline is not over. nil until there is one.
	leaving map[string]departure
	// floor is the highest number of a flip of any peer that was forgotten. A new
	// peer counts from there, so that no address ever uses a number twice,
	// however many come and go: one number instead of one for each address.
	floor uint64
	// complete tells that a full set was found once: see Ref.NoteComplete.
	complete bool
}

// get returns the peer with an address. One that is leaving is
// taken back, so that a limit is kept also when a set flaps.
func (s *peerSet) get(addr string) *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.known[addr]
	if p != nil {
		return p
	}
	if gone, ok := s.leaving[addr]; ok {
		p = gone.peer
		delete(s.leaving, addr)
	} else {
		p = &Peer{home: s, addr: addr, base: s.floor}
	}
	s.known[addr] = p
	return p
}

// all returns the known peers.
func (s *peerSet) all() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	peers := make([]*Peer, 0, len(s.known))
	for _, p := range s.known {
		peers = append(peers, p)
	}
	return peers
}

// retain forgets all but addrs, and returns those that left. With sparing, the
// remembered ones stay until a full set was found.
func (s *peerSet) retain(addrs []string, at time.Time, drain time.Duration, sparing bool) (left []*Peer) {
	left, decided := s.retainLocked(addrs, at, drain, sparing)
	if decided {
		s.tell()
	}
	return left
}

func (s *peerSet) retainLocked(addrs []string, at time.Time, drain time.Duration, sparing bool) (left []*Peer, decided bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for addr, gone := range s.leaving {
		if gone.peer.InFlight() == 0 && gone.cut.IsZero() {
			delete(s.leaving, addr)
		}
	}
	if s.areKnown(addrs) {
		return nil, false
	}
	keep := make(map[string]struct{}, len(addrs))
	for _, addr := range addrs {
		keep[addr] = struct{}{}
	}
	for addr, p := range s.known {
		if _, ok := keep[addr]; ok || (sparing && !s.complete && p.Remembered()) {
			continue
		}
		delete(s.known, addr)
		seq, had := p.forget()
		s.floor, decided = max(s.floor, seq), decided || had
		if s.leaving == nil {
			s.leaving = map[string]departure{}
		}
		s.leaving[addr] = newDeparture(p, at, drain)
		left = append(left, p)
	}
	return left, decided
}

// areKnown tells whether addrs, in which none is twice, are all that is known.
func (s *peerSet) areKnown(addrs []string) bool {
	if len(addrs) != len(s.known) {
		return false
	}
	for _, addr := range addrs {
		if s.known[addr] == nil {
			return false
		}
	}
	return true
}

// Known returns the peer with an address if there is one, and makes none: for
// those who report about a peer that may have gone meanwhile.
func (r *Ref) Known(addr string) (*Peer, bool) {
	r.peers.mu.Lock()
	defer r.peers.mu.Unlock()
	p, ok := r.peers.known[addr]
	return p, ok
}

// NoteComplete notes that the full set of peers was found once, and tells
// whether that is new. Until then Retain spares remembered peers: what finds
// them may only be late.
func (r *Ref) NoteComplete() bool {
	r.peers.mu.Lock()
	defer r.peers.mu.Unlock()
	was := r.peers.complete
	r.peers.complete = true
	return !was
}
