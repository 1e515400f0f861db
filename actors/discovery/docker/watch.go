package docker

import (
	"context"
	"maps"
	"sync"
	"time"
)

const (
	// quiet is how long no event must come before the list is read; lateness is
	// how long that may be put off by further events.
	quiet    = 50 * time.Millisecond
	lateness = 500 * time.Millisecond
	// resync is how often the list is read though nothing happened.
	resync = time.Minute
	// again is when the first list is read again: Docker says that the stream is open
	// a moment before it listens to its own events.
	again = time.Second
	// patience is how long a first set waits for inspections.
	patience = 10 * time.Second
)

// watch follows one session: it turns events into looks, and what looks find
// into the picture. Its methods run on one goroutine; requests run on their own
// and hand their results in.
type watch struct {
	engine  *Engine
	session session
	onList  func(containers int) // called for the first list
	onEvent func(event)

	results chan func() error
	wg      sync.WaitGroup
	cancel  context.CancelFunc
	ctx     context.Context // of the requests, which end with the watch

	// listAt is when to list; zero = never. listBy is the latest it may be put off to.
	listAt, listBy time.Time
	listing        bool
	listed         bool
	firstList      time.Time
	// changed are the containers that events named since the last list began.
	changed map[string]bool
	inspections
	// publishBy is when to publish though inspections go on; zero = nothing waits.
	publishBy time.Time
}

func newWatch(e *Engine, s session) *watch {
	return &watch{engine: e, session: s, onList: func(int) {}, onEvent: func(event) {}, results: make(chan func() error),
		changed: map[string]bool{}, inspections: newInspections()}
}

// run follows the session until ctx is done, its stream ended, or its list failed.
func (w *watch) run(ctx context.Context) error {
	w.ctx, w.cancel = context.WithCancel(ctx)
	defer w.wg.Wait()
	defer w.cancel()
	w.listAt = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(w.step(time.Now())))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ev, open := <-w.session.events():
			if !open {
				return w.session.err()
			}
			w.event(ev)
		case result := <-w.results:
			if err := result(); err != nil {
				return err
			}
		case <-w.engine.poke:
			w.listAt = time.Now()
		case <-timer.C:
		}
	}
}

// step does what is due, and returns when the next thing is.
func (w *watch) step(now time.Time) time.Time {
	e := w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	ids, next := e.picture.expire(now)
	for _, id := range ids {
		w.lookAt(id, now)
	}
	w.startList(now)
	w.startInspections(now)
	for _, at := range []time.Time{w.listAt, w.publish(now), w.nextInspection(), e.labels.publish(e.picture, now, w.listed)} {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if next.IsZero() {
		next = now.Add(resync)
	}
	return next
}

// event takes one event of the stream.
func (w *watch) event(ev event) {
	e := w.engine
	now := time.Now()
	w.onEvent(ev)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.concerns(ev) {
		return
	}
	switch ev.action {
	case "kill":
		if signal := parseSignal(ev.signal); signal != 0 {
			w.killed(ev, signal, now)
		}
	case "die":
		e.picture.died(ev.container)
	}
	w.lookAt(ev.container, now)
}

// killed takes a signal, and delivers what that changes at once: a request must
// not go there any more. Other changes wait until they are complete.
func (w *watch) killed(ev event, signal int, now time.Time) {
	subs := &w.engine.subs
	waiting := subs.dirty
	subs.dirty = map[*Subscription]bool{}
	w.engine.picture.killed(ev.container, signal, ev.at, now)
	w.publishNow(now)
	maps.Copy(waiting, subs.dirty)
	subs.dirty = waiting
}

// lookAt has a container looked at, soon.
func (w *watch) lookAt(id string, now time.Time) {
	w.changed[id] = true
	if w.listBy.IsZero() {
		w.listBy = now.Add(lateness)
	}
	at := now.Add(quiet)
	if at.After(w.listBy) {
		at = w.listBy
	}
	if w.listAt.IsZero() || w.listAt.After(now) {
		w.listAt = at
	}
}

// concerns tells whether an event is about a container that somebody selects,
// or that decides about the address of one, as far as that is known.
func (e *Engine) concerns(ev event) bool {
	p := e.picture
	if ev.container == "" {
		return false
	}
	if ev.container == p.at.self || len(p.joined[ev.container]) > 0 || isSelf(e.candidates, ev.container) {
		return true
	}
	labels, wanted := ev.labels, e.subs.mayWant
	if c := p.containers[ev.container]; c != nil {
		labels, wanted = c.labels, e.subs.wants
	} else if ev.network {
		return true
	}
	_, auto := labels[labelEnable]
	return wanted(labels) || (auto && e.cfg.Auto)
}

// request runs ask on a goroutine of its own, and has the watch call the
// function that it returns.
func (w *watch) request(timeout time.Duration, ask func(context.Context) func() error) {
	w.wg.Go(func() {
		ctx, cancel := context.WithTimeout(w.ctx, timeout)
		defer cancel()
		result := ask(ctx)
		select {
		case w.results <- result:
		case <-w.ctx.Done():
		}
	})
}
