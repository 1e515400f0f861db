package docker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	inspectTimeout = 5 * time.Second
	// atOnce is how many containers are inspected at the same time.
	atOnce = 16
)

// inspections are the containers to inspect, in order, each once.
type inspections struct {
	queue  []string
	queued map[string]bool
	// inFlight are being inspected; true = again, after that.
	inFlight map[string]bool
	// failures counts those in a row, retryAt says when to try again.
	failures map[string]int
	retryAt  map[string]time.Time
}

func newInspections() inspections {
	return inspections{queued: map[string]bool{}, inFlight: map[string]bool{}, failures: map[string]int{}, retryAt: map[string]time.Time{}}
}

// want has a container inspected, if it is there and anybody selects it.
func (w *watch) want(id string) {
	c := w.engine.picture.containers[id]
	if c == nil || w.queued[id] || !w.engine.subs.wants(c.labels) {
		return
	}
	if _, now := w.inFlight[id]; now {
		w.inFlight[id] = true
		return
	}
	if _, later := w.retryAt[id]; later {
		return
	}
	w.queued[id] = true
	w.queue = append(w.queue, id)
}

// startInspections begins as many as may be.
func (w *watch) startInspections(now time.Time) {
	for id, at := range w.retryAt {
		if !now.Before(at) {
			delete(w.retryAt, id)
			w.want(id)
		}
	}
	for len(w.queue) > 0 && len(w.inFlight) < atOnce {
		id := w.queue[0]
		w.queue = w.queue[1:]
		delete(w.queued, id)
		w.inFlight[id] = false
		begun := w.engine.picture.next()
		w.request(inspectTimeout, func(ctx context.Context) func() error {
			c, err := w.session.inspect(ctx, id)
			return func() error {
				w.inspected(id, c, err, begun)
				return nil
			}
		})
	}
}

// inspected takes the result of an inspection into the picture.
func (w *watch) inspected(id string, c *container, err error, begun uint64) {
	e := w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	again := w.inFlight[id]
	delete(w.inFlight, id)
	switch {
	case err == nil && c.id != id:
		err = fmt.Errorf("inspect: the engine answered with container %q", shorten(c.id))
		fallthrough
	case err != nil && !errors.Is(err, errGone):
		w.failures[id]++
		w.retryAt[id] = time.Now().Add(pauseAfter(w.failures[id] + 1))
		if known := e.picture.containers[id]; known != nil {
			e.failed[id] = "it cannot be inspected, which is tried again: " + err.Error()
			e.subs.touch(known.labels)
		}
		return
	}
	delete(w.failures, id)
	delete(e.failed, id)
	if err != nil {
		e.picture.gone(id, begun)
		return
	}
	if e.picture.containers[id] != nil { // else a list took it away meanwhile
		e.picture.take(c, begun)
	}
	if again {
		w.want(id)
	}
}

// nextInspection returns when a failed one is to be tried again; zero = none.
func (w *watch) nextInspection() time.Time {
	var next time.Time
	for _, at := range w.retryAt {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}
