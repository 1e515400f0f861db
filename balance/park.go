package balance

import "time"

// Park returns a snapshot of the same members that tells that the upstream's
// actor is given up for now: it goes on serving, and waits for nothing that
// only the actor could bring.
func (s *Snapshot) Park(at time.Time) *Snapshot {
	c := s.config
	c.At, c.Parked, c.Pending, c.EmptySince = at, true, false, time.Time{}
	return NewSnapshot(c)
}
