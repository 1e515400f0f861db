package actortest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/internal/actortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo tells its parent what it is told, and panics when told to.
func echo(c actor.Context) {
	switch m := c.Message().(type) {
	case string:
		if m == "panic" {
			panic("as asked")
		}
		c.Send(c.Parent(), m)
	case time.Duration:
		root, parent := c.ActorSystem().Root, c.Parent()
		time.AfterFunc(m, func() { root.Send(parent, "late") })
	}
}

func TestAParentRecordsWhatItsChildrenSay(t *testing.T) {
	p := actortest.NewParent(t, actortest.System(), actortest.Config{})
	child := p.Spawn(t, actor.PropsFromFunc(echo), "echo")
	for _, word := range []string{"a", "b", "a"} {
		p.Send(child, word)
	}
	isA := func(s string) bool { return s == "a" }
	actortest.Await(t, p, isA)
	actortest.Await(t, p, isA) // the second one: the first is consumed
	if got := actortest.Await[string](t, p, nil); got != "b" {
		t.Errorf("got %q, want the b that was passed over", got)
	}
	if got := actortest.All[string](p); len(got) != 3 {
		t.Errorf("recorded %q, want all three", got)
	}
	p.Stop(t, child)
	actortest.Await(t, p, func(m *actor.Terminated) bool { return m.Who.Id == child.Id })
}

func TestAParentSupervisesAsConfigured(t *testing.T) {
	stop := actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })
	p := actortest.NewParent(t, actortest.System(), actortest.Config{Supervisor: stop})
	child := p.Spawn(t, actor.PropsFromFunc(echo), "echo")
	p.Send(child, "panic")
	actortest.Await[*actor.Terminated](t, p, nil)
}

func TestAwaitWaitsOnTheClockOfABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := actortest.NewParent(t, actortest.NewSystem(), actortest.Config{Within: 2 * time.Hour})
		child := p.Spawn(t, actor.PropsFromFunc(echo), "echo")
		begin := time.Now()
		p.Send(child, time.Hour)
		actortest.Await[string](t, p, nil)
		if took := time.Since(begin); took != time.Hour {
			t.Errorf("took %v of the bubble's time, want 1h", took)
		}
	})
}

func TestEventuallyReturnsWhenTheConditionHolds(t *testing.T) {
	calls := 0
	actortest.Eventually(t, "three calls", func() bool { calls++; return calls == 3 })
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}
