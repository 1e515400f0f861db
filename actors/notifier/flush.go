package notifier

import (
	"context"
	"log/slog"
	"time"
)

// Flush tries to have everything stored until ctx is done, ends the outbox, and
// returns how many entries were left: they are dropped, counted and logged. Call
// it when nobody sends events any more, while Run runs. Flushing again waits for
// the same end.
func (o *Outbox) Flush(ctx context.Context) (left int) {
	ready := o.deps.StoreReady()
	o.mu.Lock()
	o.flushing = true
	o.link.again()
	if !o.over {
		o.judge(ready, time.Now())
		o.finish()
	}
	o.mu.Unlock()
	o.signal()
	select {
	case <-o.ended:
		return 0
	case <-ctx.Done():
	}
	o.mu.Lock()
	left = o.abandon()
	o.mu.Unlock()
	o.signal()
	o.writeLog()
	return left
}

// finish ends the outbox when Flush waits for that and nothing is left.
func (o *Outbox) finish() {
	if o.flushing && o.backlog.len() == 0 {
		if o.outage.open { // all that waited was dropped, and nothing stored since
			o.say(slog.LevelWarn, "events were lost", slog.Uint64("dropped", o.outage.dropped))
		}
		o.end()
	}
}

// abandon drops all there is and ends the outbox.
func (o *Outbox) abandon() (left int) {
	if o.over {
		return 0
	}
	left = o.backlog.len()
	for _, e := range o.backlog.flying {
		o.drop(e)
	}
	for e := first(&o.backlog.waiting); e != nil; e = first(&o.backlog.waiting) {
		o.drop(e)
	}
	if left > 0 {
		o.say(slog.LevelWarn, "events are lost: they could not be stored before the end", slog.Int("dropped", left))
	}
	o.end()
	return left
}

func (o *Outbox) end() {
	o.over = true
	close(o.ended)
}
