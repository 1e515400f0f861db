package docker

import "testing"

// A container's process may run before the engine lists it as running: weir is
// found among the others when its start is told.
func TestWeirsOwnContainerIsFoundOnceItIsListed(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		e.look = func() surroundings { return surroundings{candidates: []string{weirID[:12]}} }
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app=web")
		start()
		settle(sub, 3*again)
		f.has(fresh(weirID, 1)) // of which nobody selects a label
		f.says(weirID, "start")
		settle(sub, lateness)
		if got := e.Status().Self; got != weirID {
			t.Errorf("weir is %q", got)
		}
	})
}

// Docker answers that its stream is open before it is: what happened between the
// first list and that is found by another list.
func TestTheFirstListIsReadAgain(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app=web")
		start()
		settle(sub, 0)
		f.has(fresh("b", 1, "app", "web")) // and no event
		if set, ok := settle(sub, 2*again); !ok || len(set.Peers) != 2 {
			t.Errorf("got %v, %v", set, ok)
		}
	})
}
