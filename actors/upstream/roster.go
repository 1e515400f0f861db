package upstream

import (
	"sync"

	"github.com/weirproxy/weir/messages"
)

// phase is where an upstream of the roster is in its life.
type phase int

const (
	// absent: not known, or ended.
	absent phase = iota
	// running: its actor is alive, or between a crash and its restart.
	running
	// stopping: its actor was told to stop and has not ended yet.
	stopping
	// parked: its actor crashed too often; its caretaker probes its peers.
	parked
	// waking: parked, wanted again; its caretaker was told to stop.
	waking
)

// step is what the manager has to do after an input.
type step int

const (
	nothing  step = iota
	spawn         // start the upstream's actor
	forward       // pass the spec on to the running actor
	stop          // stop the actor or caretaker that runs under the name
	withdraw      // the upstream is gone: withdraw its Ref
	park          // start a caretaker
)

// roster is the manager's core: which upstreams are wanted, and where each is.
// The state machine is transition; the table in its test is its picture.
type roster struct{ entries map[string]*entry }

// entry is one upstream of the roster.
type entry struct {
	phase phase
	// wanted is false once the upstream was removed.
	wanted bool
}

func newRoster() *roster { return &roster{entries: map[string]*entry{}} }

// input is what can happen to an upstream.
type input int

const (
	ensure input = iota
	remove
	// ended: the actor (or, parked or waking, the caretaker) has ended.
	ended
)

// on applies an input and returns what to do.
func (r *roster) on(name string, in input) step {
	e := r.entries[name]
	if e == nil {
		e = &entry{}
	}
	var todo step
	e.phase, e.wanted, todo = transition(e.phase, e.wanted, in)
	if e.phase == absent {
		delete(r.entries, name)
	} else {
		r.entries[name] = e
	}
	return todo
}

// phaseOf returns where an upstream is.
func (r *roster) phaseOf(name string) phase {
	if e := r.entries[name]; e != nil {
		return e.phase
	}
	return absent
}

// transition is the state machine of one upstream.
func transition(p phase, wanted bool, in input) (phase, bool, step) {
	switch in {
	case ensure:
		switch p {
		case absent:
			return running, true, spawn
		case running:
			return running, true, forward
		case stopping: // started again when it ended
			return stopping, true, nothing
		case parked:
			return waking, true, stop
		case waking:
			return waking, true, nothing
		}
	case remove:
		switch p {
		case running:
			return stopping, false, stop
		case stopping:
			return stopping, false, nothing
		case parked:
			return stopping, false, stop
		case waking:
			return stopping, false, nothing
		}
	case ended:
		switch {
		case p == running: // it gave up
			return parked, true, park
		case p == stopping && !wanted:
			return absent, false, withdraw
		case p == stopping, p == waking:
			return running, true, spawn
		case p == parked: // the caretaker ended by itself: another one
			return parked, true, park
		}
	}
	return p, wanted, nothing
}

// wants holds the specs that the manager was told last, by name. It outlives
// the manager's incarnations, so a restarted one knows what is wanted, and it
// is where a starting upstream reads its spec.
type wants struct {
	mu    sync.Mutex
	specs map[string]messages.UpstreamSpec
}

func newWants() *wants { return &wants{specs: map[string]messages.UpstreamSpec{}} }

func (w *wants) set(spec messages.UpstreamSpec) (known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, known = w.specs[spec.Name]
	w.specs[spec.Name] = spec
	return known
}

func (w *wants) get(name string) (messages.UpstreamSpec, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	spec, ok := w.specs[name]
	return spec, ok
}

func (w *wants) drop(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.specs, name)
}

func (w *wants) all() []messages.UpstreamSpec {
	w.mu.Lock()
	defer w.mu.Unlock()
	specs := make([]messages.UpstreamSpec, 0, len(w.specs))
	for _, spec := range w.specs {
		specs = append(specs, spec)
	}
	return specs
}
