package proxy

import (
	"sync"
	"time"
)

// suspectAgain is the least time between two Suspected messages about one peer.
const suspectAgain = 250 * time.Millisecond

// suspicion coalesces what is said of peers that fail. The zero value is ready.
type suspicion struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// raise tells whether somebody is to be told of addr now.
func (s *suspicion) raise(addr string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.last[addr]; known && now.Sub(last) < suspectAgain {
		return false
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	// Peers come and go; what is older than the pause says nothing any more.
	for other, last := range s.last {
		if now.Sub(last) >= suspectAgain {
			delete(s.last, other)
		}
	}
	s.last[addr] = now
	return true
}
