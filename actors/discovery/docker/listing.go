package docker

import (
	"context"
	"fmt"
	"maps"
	"time"
)

const listTimeout = 20 * time.Second

// startList begins to read the list when that is due and no other is being read.
func (w *watch) startList(now time.Time) {
	if w.listing || w.listAt.IsZero() || w.listAt.After(now) {
		return
	}
	changed := w.changed
	w.listing, w.listAt, w.listBy, w.changed = true, time.Time{}, time.Time{}, map[string]bool{}
	begun := w.engine.picture.next()
	w.request(listTimeout, func(ctx context.Context) func() error {
		around := w.engine.look()
		list, err := w.session.list(ctx)
		return func() error {
			if err != nil {
				return fmt.Errorf("list containers: %w", err)
			}
			around.remote = w.session.remote()
			w.takeList(list, around, begun, changed)
			return nil
		}
	})
}

// takeList takes a list into the picture, and has those inspected that differ
// or that events named.
func (w *watch) takeList(list []*container, around surroundings, begun uint64, named map[string]bool) {
	e := w.engine
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	w.listing = false
	if w.listAt.IsZero() {
		w.listAt = now.Add(resync)
	}
	if !w.listed {
		w.listed, w.firstList = true, now
		w.onList(len(list))
	}
	if due := w.firstList.Add(again); now.Before(due) && due.Before(w.listAt) {
		w.listAt = due
	}
	differ := e.picture.listed(list, begun)
	if e.picture.replace(place(around, e.picture.containers)) || e.state.Failure != "" {
		e.subs.touchAll()
	}
	e.begun, e.candidates = begun, around.candidates
	e.state.Connected, e.state.Failure, e.state.Success, e.state.Version = true, "", now, w.session.version()
	for _, id := range differ {
		w.want(id)
	}
	for id := range named {
		w.want(id)
	}
	for id := range e.picture.marks {
		w.want(id)
	}
	for id, c := range e.picture.containers {
		if _, now := w.inFlight[id]; c.details == nil && !now {
			w.want(id)
		}
	}
	gone := func(id string) bool { return e.picture.containers[id] == nil }
	maps.DeleteFunc(e.failed, func(id, _ string) bool { return gone(id) })
	maps.DeleteFunc(w.failures, func(id string, _ int) bool { return gone(id) })
}
