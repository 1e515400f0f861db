package health

import (
	"time"

	"github.com/weirproxy/weir/messages"
)

// prober is the core of a prober actor: when its peer is probed and what the
// results mean. One value lasts for one incarnation, or until the check changes.
// It knows no actor and reads no clock.
type prober struct {
	seat      *seat
	plan      *plan
	schedule  schedule
	judgement judgement
	// planned is when the next probe is due. While busy it means nothing.
	planned time.Duration
	// started is when the latest probe began, hadOne whether there was one.
	started time.Duration
	hadOne  bool
	// busy is true while a probe is in flight, or waits for the gate.
	busy bool
}

// newProber takes over at now: with the verdict in force and counters at zero.
func newProber(s *seat, now time.Duration) *prober {
	known := s.verdict()
	p := &prober{seat: s, plan: s.plan.Load(), judgement: judgement{verdict: known.Verdict}}
	p.schedule = newSchedule(known.Upstream, s.addr, p.plan.check)
	p.planned = p.schedule.first(now, known.Verdict)
	return p
}

// begin notes that a probe begins; the caller makes it.
func (p *prober) begin() { p.busy = true }

// force asks for a probe at once and tells whether planned changed. A probe in
// flight answers the request.
func (p *prober) force(now time.Duration) bool {
	if p.busy {
		return false
	}
	before := p.planned
	p.planned = p.schedule.forced(now, p.started, p.hadOne, before)
	return p.planned != before
}

// end takes the result of the probe that began, and plans the next. It tells
// whether a verdict was reached; at is the time by the calendar.
func (p *prober) end(o outcome, now time.Duration, at time.Time) (messages.VerdictReached, bool) {
	p.busy, p.hadOne, p.started = false, true, o.started
	check := p.plan.check
	var reached bool
	p.judgement, reached = p.judgement.on(o.result.OK(), thresholds{success: check.Success, failure: check.Failure})
	p.planned = p.schedule.next(now, o.started, p.judgement)
	if !reached {
		return messages.VerdictReached{}, false
	}
	return p.seat.reach(p.judgement.verdict, o.result, at), true
}
