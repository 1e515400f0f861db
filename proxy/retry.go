package proxy

import (
	"math/rand/v2"
	"time"

	"github.com/weirproxy/weir/messages"
)

// The pause before a peer is tried a second time: doubling, with jitter.
const (
	firstPause = 25 * time.Millisecond
	maxPause   = time.Second
)

// repeatFailure tells whether a failed attempt is repeated, after it made the
// request ready for that. Of what may be repeated, see mayRepeat.
func (c *Core) repeatFailure(x *Exchange, f *Failure, code messages.Code) bool {
	s := &x.core
	if !c.mayRepeat(x, f, code) || !s.body.replayable() {
		return false
	}
	if !f.Declined {
		if pause := c.pauseBefore(x); pause > 0 && !sleep(x, pause) {
			return false
		}
	}
	if !isFree(f, code) && !c.spend(x) {
		return false
	}
	s.body.rewind()
	x.core.trip.repeatFor = code
	return true
}

// isFree tells whether a repeat is not taken out of the budget: the attempt that
// failed never connected, or counts as none.
func isFree(f *Failure, code messages.Code) bool {
	return f.Declined || f.Unsent && code != messages.CodeReset
}

// mayRepeat holds the rules. An attempt of which nothing can have reached the
// peer is repeated whatever the method. One that broke before the response
// head is repeated for idempotent methods, and after a timeout by choice. What
// was the client's fault is not.
func (c *Core) mayRepeat(x *Exchange, f *Failure, code messages.Code) bool {
	t := &x.core.trip
	policy := x.retry()
	if policy.Attempts == 0 || t.attempts-t.declined > policy.Attempts {
		return false
	}
	switch {
	case f.Unsent:
		return isPeersFault(code)
	case !isIdempotent(x.Request.Method):
		return false
	case code == messages.CodeReset, code == messages.CodeConnectRefused, code == messages.CodeConnectTimeout, code == messages.CodeConnectFailed:
		// Connect codes, too, when bytes were sent: a codec that found its pooled
		// connection dead tried a new one to the same peer.
		return true
	case code == messages.CodeHeadTimeout, code == messages.CodeWriteTimeout:
		return policy.OnTimeout
	}
	return false
}

// repeatStatus tells whether the response is discarded and the request sent
// again because of its status. It is only when another slot can be had at once
// (then x holds it): otherwise the response at hand is better than none.
func (c *Core) repeatStatus(x *Exchange) bool {
	s := &x.core
	t := &s.trip
	policy := x.retry()
	if !policy.Statuses.Has(x.Response.Status) || t.attempts-t.declined > policy.Attempts || x.Response.Status == 101 ||
		!isIdempotent(x.Request.Method) || !s.body.replayableWhole() {
		return false
	}
	if pause := c.pauseBefore(x); pause > 0 && !sleep(x, pause) {
		return false
	}
	if gone(x) || overdue(x) || !c.spend(x) {
		return false
	}
	if x.Upstream.finder == nil {
		s.ask.Done = c.closed
		next, err := x.Upstream.ref.Acquire(&s.ask)
		if err != nil {
			return false
		}
		t.next = next
	}
	c.closeResponse(x)
	x.Upstream.release(x)
	s.body.rewind()
	t.repeatFor = messages.CodeStatus
	return true
}

// retry returns the route's own policy, or its upstream's.
func (x *Exchange) retry() *messages.RetrySpec {
	if own := x.core.trip.route.spec.Retry; own != nil {
		return own
	}
	return &x.Upstream.retry
}

// spend takes a repeat out of the upstream's budget.
func (c *Core) spend(x *Exchange) bool {
	policy := x.retry()
	return x.Upstream.state.budget.spend(time.Now(), policy.BudgetPercent, policy.BudgetPerSecond)
}

// pauseBefore returns how long to wait before the next attempt: not at all
// while there is a peer that was not tried. The last one was not declined.
func (c *Core) pauseBefore(x *Exchange) time.Duration {
	if !x.Upstream.exhausted(x) {
		return 0
	}
	t := &x.core.trip
	pause := min(firstPause<<min(t.attempts-t.declined-1, 10), maxPause)
	return pause/2 + rand.N(pause/2)
}

// sleep waits for d; it returns false when the client is gone before or the
// time of the exchange would be over.
func sleep(x *Exchange, d time.Duration) bool {
	if !x.Deadline.IsZero() && time.Until(x.Deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.Done:
		return false
	}
}

// isIdempotent tells whether a method may be sent twice (RFC 9110, 9.2.2).
func isIdempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
