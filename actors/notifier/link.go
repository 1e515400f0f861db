package notifier

import (
	"errors"
	"time"
)

var (
	// errFull is told when the outbox holds all that it may.
	errFull = errors.New("the outbox is full")
	// errAway is told when there is no connection or no stream.
	errAway = errors.New("NATS or its stream is away")
	// errSlow is told when an event waited for longer than Patience.
	errSlow = errors.New("the stream is slow to acknowledge")
)

// link is what is known of the way into the stream.
type link struct {
	cfg OutboxConfig
	// degraded: events are sent live at once, and stored later.
	degraded bool
	// probing: the last that is known is a failure, so one at a time is tried,
	// from retryAt on. pause is what comes after the next failure.
	probing bool
	retryAt time.Time
	pause   time.Duration
	// skip is the subject that was refused last: the next try is of another, so
	// that one event that is always refused does not stop the others.
	skip string
}

// window returns how many may be in flight.
func (l *link) window() int {
	if l.probing {
		return 1
	}
	return l.cfg.InFlight
}

// failed notes a failure. What was sent together fails together, and is one.
func (l *link) failed(now time.Time) {
	if l.probing && now.Before(l.retryAt) {
		return
	}
	if l.pause == 0 {
		l.pause = l.cfg.Retry
	}
	l.probing = true
	l.retryAt = now.Add(l.pause)
	l.pause = min(2*l.pause, l.cfg.RetryMax)
}

// works notes a success.
func (l *link) works() {
	l.probing, l.retryAt, l.pause, l.skip = false, time.Time{}, 0, ""
}

// again has the next try made at once: something has changed.
func (l *link) again() {
	l.retryAt, l.pause = time.Time{}, 0
}

// expired tells whether an event that may be stored is too old to be sent
// again: the stream may know its id no more when it comes. A quarter of the
// window is left for the way.
func (l *link) expired(e *entry, now time.Time) bool {
	return !e.maybeSince.IsZero() && elapsed(e.maybeSince, now) >= l.cfg.Duplicates*3/4
}

// elapsed is the time between two moments, by the clock that says more: the
// monotonic one stands still while the machine sleeps, the stream's does not.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}
