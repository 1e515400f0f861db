package upstream

import "testing"

func TestTransitionFollowsTheTable(t *testing.T) {
	tests := []struct {
		name   string
		phase  phase
		wanted bool
		in     input

		wantPhase  phase
		wantWanted bool
		wantStep   step
	}{
		{"a new upstream is started", absent, false, ensure, running, true, spawn},
		{"a running upstream gets its new spec", running, true, ensure, running, true, forward},
		{"a stopping upstream wanted again waits for its end", stopping, false, ensure, stopping, true, nothing},
		{"a parked upstream is woken by stopping its caretaker", parked, true, ensure, waking, true, stop},
		{"a waking upstream is on its way", waking, true, ensure, waking, true, nothing},

		{"removing what is not there does nothing", absent, false, remove, absent, false, nothing},
		{"a removed upstream is stopped", running, true, remove, stopping, false, stop},
		{"a stopping upstream wanted again and removed again goes on stopping", stopping, true, remove, stopping, false, nothing},
		{"a parked upstream is removed by stopping its caretaker", parked, true, remove, stopping, false, stop},
		{"a waking upstream that is removed does not wake", waking, true, remove, stopping, false, nothing},

		{"the end of what nobody knows does nothing", absent, false, ended, absent, false, nothing},
		{"an upstream that ends by itself is parked", running, true, ended, parked, true, park},
		{"a removed upstream is withdrawn at its end", stopping, false, ended, absent, false, withdraw},
		{"an upstream wanted again starts at its end", stopping, true, ended, running, true, spawn},
		{"a woken upstream starts when its caretaker ended", waking, true, ended, running, true, spawn},
		{"a caretaker that ends by itself is replaced", parked, true, ended, parked, true, park},
	}
	seen := map[[2]int]bool{}
	for _, tt := range tests {
		seen[[2]int{int(tt.phase), int(tt.in)}] = true
		t.Run(tt.name, func(t *testing.T) {
			p, w, s := transition(tt.phase, tt.wanted, tt.in)
			if p != tt.wantPhase || w != tt.wantWanted || s != tt.wantStep {
				t.Errorf("got phase %d wanted %v step %d, want %d %v %d", p, w, s, tt.wantPhase, tt.wantWanted, tt.wantStep)
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
	for _, in := range []input{ensure, remove, ended} {
		r.on("web", in)
	}
	if len(r.entries) != 0 {
		t.Errorf("got %d entries after an upstream's whole life, want none", len(r.entries))
	}
}
