package balance

import "sync"

// peerSet is the peers of an upstream by address.
type peerSet struct {
	upstream string

	mu    sync.Mutex
	known map[string]*Peer
	// leaving are peers that were forgotten: all of the last retain, because an
	// old snapshot may still be picked from, and those with requests in flight.
	leaving map[string]*Peer
}

func newPeerSet(upstream string) peerSet {
	return peerSet{upstream: upstream, known: map[string]*Peer{}, leaving: map[string]*Peer{}}
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
	if p = s.leaving[addr]; p != nil {
		delete(s.leaving, addr)
	} else {
		p = &Peer{upstream: s.upstream, addr: addr}
	}
	s.known[addr] = p
	return p
}

// retain forgets all but addrs.
func (s *peerSet) retain(addrs []string) {
	keep := make(map[string]struct{}, len(addrs))
	for _, addr := range addrs {
		keep[addr] = struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for addr, p := range s.leaving {
		if p.InFlight() == 0 {
			delete(s.leaving, addr)
		}
	}
	for addr, p := range s.known {
		if _, ok := keep[addr]; ok {
			continue
		}
		delete(s.known, addr)
		p.forget()
		s.leaving[addr] = p
	}
}

// Known returns the peer with an address if there is one, and makes none: for
// those who report about a peer that may have gone meanwhile.
func (r *Ref) Known(addr string) (*Peer, bool) {
	r.peers.mu.Lock()
	defer r.peers.mu.Unlock()
	p, ok := r.peers.known[addr]
	return p, ok
}
