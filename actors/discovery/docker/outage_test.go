package docker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnEngineThatIsAbsentIsToldAndTriedAgain(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		f.goDown(errDown)
		sub := mustSubscribe(t, e, "app")
		start()
		set, ok := settle(sub, 0)
		if !ok || set.Stale || set.Failure != errDown.Error() || !set.Success.IsZero() || len(set.Peers) != 0 {
			t.Fatalf("told %+v %v", set, ok)
		}
		late := mustSubscribe(t, e, "app")
		if set, ok := settle(late, 0); !ok || set.Failure == "" {
			t.Errorf("who comes later is told %+v %v", set, ok)
		}
		pass(time.Minute)
		if f.dials < 8 || f.dials > 20 {
			t.Errorf("%d tries in a minute, want back-off to 10 s", f.dials)
		}
		f.goDown(nil)
		e.Look()
		if set, ok := settle(sub, 0); !ok || set.Stale || len(set.Peers) != 1 {
			t.Errorf("when it is there and a look is asked for: %+v %v", set, ok)
		}
	})
}

func TestTheLastGoodPictureStaysWhileTheEngineIsGone(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		f.goDown(errDown)
		f.cut()
		set, ok := settle(sub, second)
		if !ok || !set.Stale || len(set.Peers) != 1 || set.Failure == "" || e.Status().Connected {
			t.Fatalf("gone: %+v %v", set, ok)
		}
		f.lacks("a")
		f.has(fresh("b", 1, "app", "web"))
		f.goDown(nil)
		set, ok = settle(sub, 15*second)
		if !ok || set.Stale || addrs(set) != "[172.17.0.3:8080 1]" || !e.Status().Connected {
			t.Errorf("back: %+v %v", set, ok)
		}
	})
}

func TestAStreamThatEndsIsOpenedAgainAndTheListFollows(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		f.says("a", "update")
		settle(sub, second)
		f.lacks("a")
		f.has(fresh("b", 1, "app", "web"))
		f.cut()
		set, ok := settle(sub, second)
		if !ok || set.Stale || addrs(set) != "[172.17.0.3:8080 1]" {
			t.Errorf("after a cut: %+v %v", set, ok)
		}
		if want := fmt.Sprint([]int64{0, 1002}); fmt.Sprint(f.sinces) != want {
			t.Errorf("streams were opened since %v, want %v: what was missed is asked for", f.sinces, want)
		}
	})
}

func TestAStreamThatEndsAgainAndAgainIsToldThoughListsWork(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		sub := mustSubscribe(t, e, "app")
		start()
		settle(sub, 0)
		for n := range 3 {
			f.cut()
			synctest.Wait()
			set, told := Set{}, false
			select {
			case set = <-sub.Sets():
				told = true
			default:
			}
			if want := n == 2; told != want || set.Stale != want {
				t.Errorf("cut %d: told %v, %+v", n+1, told, set)
			}
			pass(2 * second)
		}
		if set, ok := settle(sub, 0); !ok || set.Stale || len(set.Peers) != 1 {
			t.Errorf("after the list: %+v %v", set, ok)
		}
	})
}

func TestWhoSubscribesInAnOutageGetsWhatEarlierLooksLeft(t *testing.T) {
	inBubble(t, plain(), func(t *testing.T, e *Engine, f *fakeEngine, start func()) {
		f.has(fresh("a", 0, "app", "web"))
		f.has(fresh("b", 1, "app", "db"))
		sub := mustSubscribe(t, e, "app=web")
		start()
		settle(sub, 0)
		sub.Close()
		f.goDown(errDown)
		f.cut()
		pass(second)
		again := mustSubscribe(t, e, "app=web", "app=db")
		if set, ok := settle(again, 0); !ok || !set.Stale || !set.Success.IsZero() || addrs(set) != "[172.17.0.2:8080 1]" {
			t.Errorf("told %+v %v; want a, and not that this is all: b was never inspected", set, ok)
		}
		if set, ok := settle(again, time.Minute); ok {
			t.Errorf("told %+v though nothing changed", set)
		}
		f.goDown(nil)
		e.Look()
		if set, ok := settle(again, second); !ok || set.Stale || len(set.Peers) != 2 {
			t.Errorf("back: %+v %v", set, ok)
		}
	})
}
