package upstream

import "testing"

func TestTransitionFollowsTheTable(t *testing.T) {
	tests := []struct {
		name   string
		phase  phase
		in     input
		wanted bool

		next phase
		todo step
	}{
		{"a new upstream is started", absent, ensure, true, running, spawn},
		{"a running upstream gets its new spec", running, ensure, true, running, forward},
		{"a stopping upstream wanted again waits for its end", stopping, ensure, true, stopping, nothing},
		{"a parked upstream is woken by stopping its caretaker", parked, ensure, true, waking, stop},
		{"a waking upstream is on its way", waking, ensure, true, waking, nothing},

		{"removing what is not there does nothing", absent, remove, false, absent, nothing},
		{"a removed upstream is stopped", running, remove, false, stopping, stop},
		{"a stopping upstream goes on stopping", stopping, remove, false, stopping, nothing},
		{"a parked upstream is removed by stopping its caretaker", parked, remove, false, stopping, stop},
		{"a waking upstream that is removed does not wake", waking, remove, false, stopping, nothing},

		{"the end of what nobody knows does nothing", absent, ended, false, absent, nothing},
		{"an upstream that ends by itself is parked", running, ended, true, parked, park},
		{"a removed upstream is withdrawn at its end", stopping, ended, false, absent, withdraw},
		{"an upstream wanted again starts at its end", stopping, ended, true, running, spawn},
		{"a woken upstream starts when its caretaker ended", waking, ended, true, running, spawn},
		{"an upstream removed while it wakes is withdrawn", waking, ended, false, absent, withdraw},
		{"a caretaker that ends by itself is replaced", parked, ended, true, parked, park},
	}
	seen := map[[2]int]bool{}
	for _, tt := range tests {
		seen[[2]int{int(tt.phase), int(tt.in)}] = true
		t.Run(tt.name, func(t *testing.T) {
			next, todo := transition(tt.phase, tt.in, tt.wanted)
			if next != tt.next || todo != tt.todo {
				t.Errorf("got phase %d, step %d; want %d, %d", next, todo, tt.next, tt.todo)
			}
		})
	}
	for p := absent; p <= waking; p++ {
		for in := ensure; in <= ended; in++ {
			if !seen[[2]int{int(p), int(in)}] {
				t.Errorf("phase %d, input %d is not in the table", p, in)
			}
		}
	}
}

func TestRosterForgetsWhatHasEnded(t *testing.T) {
	r := newRoster()
	r.on("web", ensure, true)
	r.on("web", remove, false)
	r.on("web", ended, false)
	if len(r.phases) != 0 {
		t.Errorf("knows %d upstreams after the whole life of one, want none", len(r.phases))
	}
}
