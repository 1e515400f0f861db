package notifier

import (
	"bytes"
	"context"
	"time"
)

// action is what Run has to do next.
type action int

const (
	actWait action = iota
	actPublish
	actStore
	actEnd
)

// job is an action with what it is about: an entry, or how long to wait at most.
type job struct {
	action action
	entry  *entry
	first  bool // the entry was not sent in any way before
	wait   time.Duration
}

// Run delivers until ctx is done or Flush has ended it. When it returns nothing
// is sent any more. One goroutine at a time may run it.
func (o *Outbox) Run(ctx context.Context) {
	changed := o.deps.StoreChanged
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		j := o.next(time.Now())
		o.writeLog()
		switch j.action {
		case actEnd:
			return
		case actPublish, actStore:
			o.perform(j)
		case actWait:
			timer.Reset(j.wait)
			select {
			case <-ctx.Done():
			case <-o.wake:
			case <-timer.C:
			case _, open := <-changed:
				if !open {
					changed = nil
				}
				o.changed()
			}
		}
	}
	o.writeLog()
}

// next decides what to do, and notes it as begun. Live comes first.
func (o *Outbox) next(now time.Time) job {
	ready := o.deps.StoreReady()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.judge(ready, now)
		o.finish()
	}
	if o.over {
		return job{action: actEnd}
	}
	if e := first(&o.backlog.fresh); e != nil && o.link.degraded {
		o.backlog.told(e)
		e.late = true
		return job{action: actPublish, entry: e}
	}
	if e := o.sendable(ready, now); e != nil {
		fresh := e.untold != nil
		o.backlog.take(e)
		return job{action: actStore, entry: e, first: fresh}
	}
	return job{action: actWait, wait: o.pause(now)}
}

// judge decides whether the outbox is degraded now.
func (o *Outbox) judge(ready bool, now time.Time) {
	if ready {
		o.recover(now)
	}
	if e := first(&o.backlog.fresh); e != nil && !o.link.degraded {
		switch {
		case !ready:
			o.degrade(errAway, e, now)
		case now.Sub(e.accepted) >= o.cfg.Outbox.Patience:
			o.degrade(errSlow, e, now)
		}
	}
	o.tell(now)
}

// sendable returns the entry to store next; nil when none can be sent now. It is
// the oldest that waits, and keeps behind what flies of its subject.
func (o *Outbox) sendable(ready bool, now time.Time) *entry {
	if !ready || now.Before(o.link.retryAt) || len(o.backlog.flying) >= o.link.window() {
		return nil
	}
	for {
		e := o.backlog.front(o.link.skip)
		if e == nil {
			e = o.backlog.front("") // all that waits is of that subject
		}
		if e == nil || o.backlog.flying[e.record.Subject] != nil {
			return nil
		}
		if !o.link.expired(e, now) {
			return e
		}
		o.drop(e) // it may be stored: a second copy would be worse than none
	}
}

// pause returns how long there is nothing to do if nothing happens.
func (o *Outbox) pause(now time.Time) time.Duration {
	wait := o.cfg.Outbox.RetryMax
	if o.backlog.waiting.Len() > 0 && now.Before(o.link.retryAt) {
		wait = min(wait, o.link.retryAt.Sub(now))
	}
	if o.outage.open && !o.outage.begun {
		wait = min(wait, o.outage.since.Add(quietFor).Sub(now))
	}
	if e := first(&o.backlog.fresh); e != nil {
		wait = min(wait, e.accepted.Add(o.cfg.Outbox.Patience).Sub(now))
	}
	return wait
}

// perform sends an entry. The lock is not held: sending may take a while.
func (o *Outbox) perform(j job) {
	e := j.entry
	header := o.cfg.headers(e.record)
	if j.action == actPublish {
		o.published(o.deps.Publish(e.record.Subject, header, e.record.Body))
		return
	}
	sent := time.Now()
	done := func(_ bool, err error) { o.settle(e, sent, err) }
	err := o.deps.Store(e.record.Subject, header, e.body(), done)
	switch {
	case err != nil:
		o.unsent(j, err)
	case j.first:
		o.deps.Feed.stats.published.Add(1)
	}
}

// published notes the outcome of sending an event live alone.
func (o *Outbox) published(err error) {
	if err == nil {
		o.deps.Feed.stats.published.Add(1)
		return
	}
	o.deps.Feed.stats.failed.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.outage.untold++
}

// unsent takes back an entry that was not sent.
func (o *Outbox) unsent(j job, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if j.entry.gone {
		return
	}
	now := time.Now()
	o.backlog.giveBack(j.entry)
	if j.first {
		o.backlog.untell(j.entry)
	}
	o.link.failed(now)
	o.degrade(err, j.entry, now)
	o.shed(now)
}

// settle notes what became of an entry that was sent at sent.
func (o *Outbox) settle(e *entry, sent time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.signal()
	if e.gone { // dropped when Flush gave up
		return
	}
	if err == nil {
		if e.late {
			o.outage.late++
		}
		o.stored++
		o.backlog.remove(e)
		o.link.works()
		return
	}
	now := time.Now()
	o.backlog.giveBack(e)
	e.late = true
	if o.deps.Uncertain(err) {
		if e.maybeSince.IsZero() {
			e.maybeSince = sent
		}
	} else {
		o.link.skip = e.record.Subject
	}
	o.link.failed(now)
	o.degrade(err, e, now)
	o.shed(now)
}

// changed has the outbox try again at once.
func (o *Outbox) changed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.link.again()
}

// writeLog writes the lines that were left for it.
func (o *Outbox) writeLog() {
	o.mu.Lock()
	lines := o.lines
	o.lines = nil
	o.mu.Unlock()
	for _, l := range lines {
		o.deps.Logger.LogAttrs(context.Background(), l.level, l.msg, l.attrs...)
	}
}

// body returns what is stored of the entry: marked, when it is late. Times and
// ids stay.
func (e *entry) body() []byte {
	if !e.late {
		return e.record.Body
	}
	return append(bytes.Clone(bytes.TrimSuffix(e.record.Body, []byte("}"))), `,"late":true}`...)
}
