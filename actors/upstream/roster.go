package upstream

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

// roster is the manager's core: where each upstream is. Whether it is wanted
// stands in the Memory. The state machine is transition; the table in its test
// is its picture.
type roster struct{ phases map[string]phase }

func newRoster() *roster { return &roster{phases: map[string]phase{}} }

// input is what can happen to an upstream.
type input int

const (
	ensure input = iota
	remove
	// ended: the actor (or, parked or waking, the caretaker) has ended.
	ended
)

// on applies an input and returns what to do. wanted tells whether the upstream
// is wanted by now; an input may be older than that.
func (r *roster) on(name string, in input, wanted bool) step {
	next, todo := transition(r.phases[name], in, wanted)
	if next == absent {
		delete(r.phases, name)
	} else {
		r.phases[name] = next
	}
	return todo
}

// forget takes back that an upstream was to start.
func (r *roster) forget(name string) { delete(r.phases, name) }

// transition is the state machine of one upstream.
func transition(p phase, in input, wanted bool) (phase, step) {
	switch in {
	case ensure:
		switch p {
		case absent:
			return running, spawn
		case running:
			return running, forward
		case parked:
			return waking, stop
		}
	case remove:
		switch p {
		case running, parked:
			return stopping, stop
		case waking:
			return stopping, nothing
		}
	case ended:
		switch p {
		case running, parked: // it gave up; a caretaker that ended by itself is replaced
			return parked, park
		case stopping, waking:
			if wanted {
				return running, spawn
			}
			return absent, withdraw
		}
	}
	return p, nothing
}
