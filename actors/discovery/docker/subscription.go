package docker

import (
	"slices"
	"time"
)

// Subscription is one upstream's view of the containers. Make it with
// Engine.Subscribe, and Close it.
type Subscription struct {
	engine    *Engine
	selectors []Selector
	sets      chan Set
	// The rest is the engine's, under its lock.
	told  bool // a set of the picture was delivered, last
	last  Set
	since time.Time
	// from is the picture's count from which a look covers the selectors.
	from uint64
}

// Sets delivers the full set: first as soon as it is known, or known not to be
// (Set.Failure), then whenever it differs. A set that was not taken is replaced
// by the next. It is never closed; see Engine.Done.
func (s *Subscription) Sets() <-chan Set { return s.sets }

// Close ends the subscription. What was delivered may still be taken.
func (s *Subscription) Close() {
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subs.remove(s)
}

// deliver makes set the next to be taken. Only one goroutine at a time calls
// it: who holds the engine's lock.
func (s *Subscription) deliver(set Set) {
	if s.told && s.last.same(set) {
		return
	}
	s.told, s.last = true, set
	select {
	case <-s.sets:
	default:
	}
	s.sets <- set // the place is free: nobody else puts one there
}

// subscriptions finds subscriptions by the labels that may concern them.
type subscriptions struct {
	all map[*Subscription]bool
	// by are those with a selector for that label, with that value ("" = any).
	by map[string]map[string]map[*Subscription]bool
	// dirty are those whose set may differ from the one delivered.
	dirty map[*Subscription]bool
}

func newSubscriptions() subscriptions {
	return subscriptions{all: map[*Subscription]bool{}, by: map[string]map[string]map[*Subscription]bool{}, dirty: map[*Subscription]bool{}}
}

// mayWant tells whether any subscription selects by one of these labels. Values
// are not compared: those of an event may be covered by its own words.
func (s *subscriptions) mayWant(labels map[string]string) bool {
	for label := range labels {
		if len(s.by[label]) > 0 {
			return true
		}
	}
	return false
}

// wants tells whether any subscription picks a container with these labels.
func (s *subscriptions) wants(labels map[string]string) bool {
	for label, value := range labels {
		if len(s.by[label][value]) > 0 || len(s.by[label][""]) > 0 {
			return true
		}
	}
	return false
}

// watches tells whether each of the selectors is covered by others already.
func (s *subscriptions) watches(selectors []Selector) bool {
	return !slices.ContainsFunc(selectors, func(sel Selector) bool {
		return len(s.by[sel.Label][sel.Value]) == 0 && len(s.by[sel.Label][""]) == 0
	})
}

func (s *subscriptions) add(sub *Subscription) {
	s.all[sub] = true
	for _, sel := range sub.selectors {
		if s.by[sel.Label] == nil {
			s.by[sel.Label] = map[string]map[*Subscription]bool{}
		}
		if s.by[sel.Label][sel.Value] == nil {
			s.by[sel.Label][sel.Value] = map[*Subscription]bool{}
		}
		s.by[sel.Label][sel.Value][sub] = true
	}
}

func (s *subscriptions) remove(sub *Subscription) {
	delete(s.all, sub)
	delete(s.dirty, sub)
	for _, sel := range sub.selectors {
		delete(s.by[sel.Label][sel.Value], sub)
		if len(s.by[sel.Label][sel.Value]) == 0 {
			delete(s.by[sel.Label], sel.Value)
		}
		if len(s.by[sel.Label]) == 0 {
			delete(s.by, sel.Label)
		}
	}
}

// touch marks those that a container with these labels may concern.
func (s *subscriptions) touch(labels map[string]string) {
	for label, value := range labels {
		for sub := range s.by[label][value] {
			s.dirty[sub] = true
		}
		for sub := range s.by[label][""] {
			s.dirty[sub] = true
		}
	}
}

func (s *subscriptions) touchAll() {
	for sub := range s.all {
		s.dirty[sub] = true
	}
}
