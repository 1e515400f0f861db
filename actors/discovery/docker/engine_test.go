package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const second = time.Second

func TestTellsTheFirstSetWhenAllIsInspectedAndThenOnlyChanges(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		f.has(fresh("b", 1, "app", "web", labelWeight, "7"))
		f.has(fresh("c", 2, "app", "db"))
		sub := mustSubscribe(t, e, "app=web")
		start()
		set, ok := settle(sub, 0)
		if got := addrs(set); !ok || got != "[172.17.0.2:8080 1 172.17.0.3:8080 7]" || set.Stale || set.Success.IsZero() {
			t.Fatalf("first set %q, %+v", got, set)
		}
		if f.inspects["c"] != 0 {
			t.Errorf("inspected c, which nobody selects, %d times", f.inspects["c"])
		}
		if set, ok := settle(sub, 10*time.Minute); ok {
			t.Errorf("told %v though nothing changed", set)
		}
		if f.lists < 10 || f.inspects["a"] != 1 {
			t.Errorf("%d lists in ten minutes, want one a minute; inspected a %d times, want once", f.lists, f.inspects["a"])
		}
		f.has(fresh("d", 3, "app", "web"))
		f.says("d", "start")
		if set, ok := settle(sub, second); !ok || len(set.Peers) != 3 {
			t.Errorf("after a start: %v %v", set, ok)
		}
	})
}

func TestAContainerLeavesTheSetAtTheKillEvent(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		usr1 := fresh("b", 1, "app", "web")
		usr1.details.stopSignal = parseSignal("SIGUSR1")
		f.has(usr1)
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		f.says("a", "kill", "1")  // HUP
		f.says("b", "kill", "15") // not its stop signal
		if set, ok := settle(sub, 0); ok {
			t.Fatalf("a signal that stops nothing changed the set: %v", set)
		}
		f.says("b", "kill", "10")
		if set, ok := settle(sub, 0); !ok || addrs(set) != "[172.17.0.2:8080 1]" || set.Notes[0].Text != "it is stopping" {
			t.Fatalf("after its stop signal, at the same instant: %v %v", set, ok)
		}
		f.says("a", "kill", "9")
		if set, ok := settle(sub, 0); !ok || len(set.Peers) != 0 {
			t.Fatalf("after SIGKILL, at the same instant: %v %v", set, ok)
		}
		if set, ok := settle(sub, 19*second); ok {
			t.Errorf("lists brought back what is leaving: %v", set)
		}
		if set, ok := settle(sub, 2*second); !ok || len(set.Peers) != 2 {
			t.Errorf("who outlived the stop timeout by 10 s is not back: %v %v", set, ok)
		}
	})
}

func TestALeavingContainerIsBackWhenItStartedAgain(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		f.says("a", "kill", "15")
		if set, ok := settle(sub, second); !ok || len(set.Peers) != 0 {
			t.Fatalf("after the kill: %v %v", set, ok)
		}
		f.says("a", "die") // the list still says running, as the engine may a moment longer
		f.says("a", "start")
		if set, ok := settle(sub, second); !ok || len(set.Peers) != 1 {
			t.Errorf("after the restart: %v %v", set, ok)
		}
		f.says("a", "kill", "15")
		settle(sub, second)
		again := fresh("a", 0, "app", "web")
		again.details.startedAt = f.clock + 5
		f.has(again)
		f.cut() // neither die nor start is seen
		if set, ok := settle(sub, 2*second); !ok || len(set.Peers) != 1 {
			t.Errorf("after a restart that no event told of: %v %v", set, ok)
		}
	})
}

func TestAKillOfAnEarlierRunComesTooLate(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		c := fresh("a", 0, "app", "web")
		c.details.startedAt = 5000
		f.has(c)
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		f.says("a", "kill", "15") // at 1001
		if set, ok := settle(sub, second); ok {
			t.Errorf("a late word changed the set: %v", set)
		}
	})
}

func TestWhoIsStartingUnhealthyPausedOrRestartingIsNotAvailable(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		sub := mustSubscribe(t, e, "app")
		start()
		for i, tt := range []struct {
			state, health string
			peers         int
		}{
			{"running", "", 1},
			{"running", "starting", 0},
			{"running", "healthy", 1},
			{"running", "unhealthy", 0},
			{"running", "healthy", 1},
			{"paused", "healthy", 0},
			{"restarting", "", 0},
			{"dead", "", 0},
			{"running", "", 1},
		} {
			c := fresh("a", 0, "app", "web")
			c.state, c.health = tt.state, tt.health
			f.has(c)
			synctest.Wait()
			f.says("a", "health_status: "+tt.health)
			set, ok := settle(sub, second)
			if !ok || len(set.Peers) != tt.peers || (tt.peers == 0 && len(set.Notes) != 1) {
				t.Errorf("step %d, %s %s: %v %v", i, tt.state, tt.health, set, ok)
			}
		}
	})
}

func TestEventsAreGatheredButNotForLongerThanHalfASecond(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		before := f.lists
		f.has(fresh("b", 1, "app", "web"))
		for range 100 { // 40 ms apart: never quiet
			f.says("a", "update")
			pass(40 * time.Millisecond)
		}
		synctest.Wait()
		if lists := f.lists - before; lists < 6 || lists > 9 {
			t.Errorf("%d lists in 4 s of events, want one each half second", lists)
		}
		if set, ok := settle(sub, 0); !ok || len(set.Peers) != 2 {
			t.Errorf("got %v %v", set, ok)
		}
	})
}

func TestEventsOfContainersThatNobodySelectsCostNothing(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		f.has(fresh("x", 1, "other", "thing"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 2*again)
		before := f.lists
		for range 100 {
			f.says("x", "die")
		}
		settle(sub, second)
		if f.lists != before || f.inspects["x"] != 0 {
			t.Errorf("%d lists and %d inspections for nobody", f.lists-before, f.inspects["x"])
		}
		late := mustSubscribe(t, e, "other")
		if set, ok := settle(late, 0); !ok || len(set.Peers) != 1 {
			t.Errorf("who selects it later gets %v %v", set, ok)
		}
	})
}

func TestASlowInspectionDelaysItsContainerAlone(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		f.hangs["b"], f.fails["c"] = true, errors.New("boom")
		f.has(fresh("b", 1, "app", "web"))
		f.has(fresh("c", 2, "app", "web"))
		f.has(fresh("d", 3, "app", "web"))
		f.says("d", "start")
		set, ok := settle(sub, second)
		if !ok || addrs(set) != "[172.17.0.2:8080 1 172.17.0.5:8080 1]" {
			t.Errorf("beside a slow one: %v %v", set, ok)
		}
		if !strings.Contains(set.Faults(), `container "name-c" is left out: it cannot be inspected`) || !strings.Contains(set.Faults(), "boom") {
			t.Errorf("faults: %q", set.Faults())
		}
		f.mu.Lock()
		delete(f.hangs, "b")
		delete(f.fails, "c")
		f.mu.Unlock()
		if set, ok := settle(sub, 20*second); !ok || len(set.Peers) != 4 || set.Faults() != "" {
			t.Errorf("after they answered: %v %v", set, ok)
		}
	})
}

func TestAFirstSetWaitsForInspectionsButNotForEver(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		for i := range 100 {
			id := fmt.Sprint("slow-", i)
			f.has(fresh(id, i, "app", "web"))
			f.hangs[id] = true
		}
		sub := mustSubscribe(t, e, "app=web")
		start()
		if set, ok := settle(sub, 9*second); ok {
			t.Errorf("told a part: %v", set)
		}
		if set, ok := settle(sub, 3*second); !ok || len(set.Notes) != 100 {
			t.Errorf("after 12 s: %v %v", set, ok)
		}
	})
}

func TestASecondRunIsRefused(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, _ *fakeEngine, start func()) {
		start()
		synctest.Wait()
		if err := e.Run(context.Background()); !errors.Is(err, ErrRunning) {
			t.Errorf("got %v", err)
		}
	})
}
