package upstream

import "time"

// alarm wakes an actor once, at a time that may be changed. Its methods are
// called from the actor alone.
type alarm struct {
	// later sends the actor its message after a while, unless cancelled before.
	later func(after time.Duration) (cancel func())
	// at is when it rings; zero = never. cancel is not nil while it is set.
	at     time.Time
	cancel func()
}

// set makes it ring at a time, zero = never. The same time again changes
// nothing, also when it has rung.
func (a *alarm) set(at, now time.Time) {
	if at.Equal(a.at) {
		return
	}
	a.stop()
	if a.at = at; !at.IsZero() {
		a.cancel = a.later(max(at.Sub(now), 0))
	}
}

func (a *alarm) stop() {
	if a.cancel != nil {
		a.cancel()
	}
	a.at, a.cancel = time.Time{}, nil
}
