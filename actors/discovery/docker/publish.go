package docker

import "time"

// publish delivers the sets that may differ, and returns when to try again;
// zero = nothing waits. While containers are being inspected it waits a while,
// so that a change of many is told once.
func (w *watch) publish(now time.Time) time.Time {
	e := w.engine
	if len(e.subs.dirty) == 0 {
		w.publishBy = time.Time{}
		return time.Time{}
	}
	if w.publishBy.IsZero() {
		w.publishBy = now.Add(lateness)
	}
	busy := len(w.queue)+len(w.inFlight) > 0
	if w.listed && (!busy || !now.Before(w.publishBy)) {
		w.publishNow(now)
		w.publishBy = time.Time{}
	}
	return w.whenToPublish(now)
}

// whenToPublish returns when what is still dirty should be looked at again.
func (w *watch) whenToPublish(now time.Time) time.Time {
	if len(w.engine.subs.dirty) == 0 {
		return time.Time{}
	}
	if w.publishBy.After(now) {
		return w.publishBy
	}
	w.publishBy = time.Time{}
	return now.Add(lateness)
}

// publishNow delivers the sets that may differ, but for first ones that are not
// complete yet.
func (w *watch) publishNow(now time.Time) {
	e := w.engine
	for sub := range e.subs.dirty {
		since := sub.since
		if since.Before(w.firstList) {
			since = w.firstList
		}
		if sub.last.Success.IsZero() && !e.covers(sub, since.Add(patience)) {
			continue
		}
		e.tell(sub, now)
		delete(e.subs.dirty, sub)
	}
}
