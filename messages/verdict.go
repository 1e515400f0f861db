package messages

import "fmt"

// Verdict is what is decided of a peer by probing.
type Verdict int32

// The verdicts. The zero value is Unknown: not probed yet, or not probed at all.
const (
	Unknown Verdict = iota
	Healthy
	Unhealthy
)

// String returns the lower-case word; an impossible number prints as Verdict(7).
func (v Verdict) String() string {
	switch v {
	case Unknown:
		return "unknown"
	case Healthy:
		return "healthy"
	case Unhealthy:
		return "unhealthy"
	}
	return fmt.Sprintf("Verdict(%d)", int32(v))
}

// UpstreamState sums up an upstream: how many of its peers are available.
type UpstreamState int

// The states of an upstream. The zero value is StatePending.
const (
	// StatePending: the first discovery is still under way.
	StatePending UpstreamState = iota
	// StateHealthy: every peer is available.
	StateHealthy
	// StateDegraded: some peers are available, some are not.
	StateDegraded
	// StateDown: no peer is available.
	StateDown
)

// String returns the lower-case word; an impossible number prints as UpstreamState(7).
func (s UpstreamState) String() string {
	switch s {
	case StatePending:
		return "pending"
	case StateHealthy:
		return "healthy"
	case StateDegraded:
		return "degraded"
	case StateDown:
		return "down"
	}
	return fmt.Sprintf("UpstreamState(%d)", int(s))
}
