package balance

import "time"

// DiscoveryRecord is what came of the latest discoveries of an upstream.
type DiscoveryRecord struct {
	// Source says who was asked, for people: "static", "dns 10.0.0.53:53", "docker unix:///var/run/docker.sock".
	Source string
	// LastSuccess is when everything was found last; zero = never.
	LastSuccess time.Time
	// LastFailure is when something was not found last, and Detail what; zero = never.
	LastFailure time.Time
	Detail      string
	// Stale tells that part of the set is older than it should be, because the latest look failed.
	Stale bool
	// Next is when the next look is due; zero = none is.
	Next time.Time
}

// RecordDiscovery keeps what came of the latest discovery. It is kept until Withdraw.
func (r *Ref) RecordDiscovery(d DiscoveryRecord) { r.discovery.Store(&d) }

// LastDiscovery returns what came of the latest discovery; false when there was none.
func (r *Ref) LastDiscovery() (DiscoveryRecord, bool) {
	d := r.discovery.Load()
	if d == nil {
		return DiscoveryRecord{}, false
	}
	return *d, true
}
