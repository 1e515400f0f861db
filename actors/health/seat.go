package health

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// seat is what is kept of a watched peer for as long as it is watched, across
// the incarnations of its prober and of the health actor. The prober writes the
// verdict, health the plan; both read.
type seat struct {
	addr string
	// gen tells this watch of the peer from an earlier one of the same address.
	gen uint64
	// plan is how to probe; replaced when the check changes.
	plan atomic.Pointer[plan]
	// tickets numbers ticks and probes, over all incarnations of the prober.
	tickets atomic.Uint64
	// asked is true while a request to probe at once is on its way to the prober.
	asked atomic.Bool

	mu sync.Mutex
	// known is the verdict in force; Gen in it is the seat's.
	known messages.VerdictReached
}

// plan is a check and what was made of it.
type plan struct {
	check messages.CheckSpec // complete
	probe ProbeFunc
}

// newSeat begins with what is known of the peer. A verdict that is only
// remembered counts as none: the peer is probed at once, and its first result
// decides and is told.
func newSeat(upstream string, target messages.ProbeTarget, gen uint64, p *plan) *seat {
	if target.Remembered {
		target.Verdict = messages.Unknown
	}
	s := &seat{addr: target.Addr, gen: gen,
		known: messages.VerdictReached{Upstream: upstream, Gen: gen, Addr: target.Addr, Verdict: target.Verdict}}
	s.plan.Store(p)
	return s
}

func (s *seat) verdict() messages.VerdictReached {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// reach puts a new verdict in force and returns the message that says so.
func (s *seat) reach(v messages.Verdict, r Result, at time.Time) messages.VerdictReached {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known.Verdict, s.known.Code, s.known.Detail, s.known.At = v, r.Code, r.Detail, at
	return s.known
}

// clock is the monotonic scale that schedules live on.
type clock struct{ base time.Time }

func newClock() clock { return clock{time.Now()} }

func (c clock) now() time.Duration { return time.Since(c.base) }
