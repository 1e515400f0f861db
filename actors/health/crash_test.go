package health

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

type crashes struct{ n atomic.Int64 }

func (s *crashes) HandleFailure(sys *actor.ActorSystem, parent actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics, reason, message any) {
	s.n.Add(1)
	actor.DefaultSupervisorStrategy().HandleFailure(sys, parent, child, rs, reason, message)
}

func TestAPanickingProbeCrashesItsProberAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		supervisor := &crashes{}
		r := newRig(t, Deps{Supervisor: supervisor})
		panics := atomic.Int64{}
		r.peers.set("a:1", func(context.Context, string) Result {
			if panics.Add(1) <= 3 {
				panic("as the test wants")
			}
			return result(messages.CodeOK, "")
		})
		r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, "a:1", "b:1")
		v := actortest.Await(t, r.Parent, func(v messages.VerdictReached) bool { return v.Addr == "a:1" })
		if v.Verdict != messages.Healthy || supervisor.n.Load() != 3 {
			t.Errorf("got %v after %d crashes, want healthy after 3", v.Verdict, supervisor.n.Load())
		}
		if first := r.late.of("a:1")[0]; first.Code != messages.CodeInternal || first.Detail != "probe panicked" {
			t.Errorf("record %+v, want the panic", first)
		}
		pass(10 * time.Second)
		for _, record := range r.late.of("b:1") {
			if record.Late > 0 || record.Code != messages.CodeOK {
				t.Errorf("b's probe %+v, want it untouched", record)
			}
		}
	})
}

type crash struct{}

func crashable(props *actor.Props) *actor.Props {
	return props.Clone(actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			if _, ok := envelope.Message.(crash); ok {
				panic("as the test wants")
			}
			next(c, envelope)
		}
	}))
}

func TestACrashedProberLeavesNoProbeAndNoTimerBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{WrapProber: crashable})
		r.peers.set("a:1", hanging(time.Hour))
		r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, "a:1")
		pass(time.Second)
		r.peers.set("a:1", nil)
		prober := actor.NewPID(r.pid.Address, r.pid.Id+"/"+nameOf("a:1"))
		r.Send(prober, crash{})
		synctest.Wait()
		if n, _ := r.peers.flying("a:1"); n != 0 {
			t.Errorf("%d probes in flight after the crash, want the hanging one cancelled", n)
		}
		v := actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		if _, most := r.peers.flying("a:1"); v.Verdict != messages.Healthy || most != 1 {
			t.Errorf("got %v with %d probes at once, want healthy with 1", v.Verdict, most)
		}
	})
}

func TestARestartedProberGoesOnWithItsVerdict(t *testing.T) {
	bubble(t, func(t *testing.T) {
		supervisor := &crashes{}
		r := newRig(t, Deps{Supervisor: supervisor})
		r.peers.set("a:1", failing)
		r.watch(1, messages.CheckSpec{Frequency: time.Minute}, messages.Unknown, "a:1")
		actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		r.peers.set("a:1", func(context.Context, string) Result { panic("as the test wants") })
		r.Send(r.pid, messages.ProbeNow{Addr: "a:1"})
		pass(time.Second)
		r.peers.set("a:1", failing)
		n := len(r.peers.startsOf("a:1"))
		pass(20 * time.Minute)
		if supervisor.n.Load() != 1 || len(r.verdicts()) != 1 {
			t.Errorf("%d crashes, verdicts %+v; want 1 and no second verdict", supervisor.n.Load(), r.verdicts())
		}
		if more := len(r.peers.startsOf("a:1")) - n; more < 18 || more > 22 {
			t.Errorf("%d probes in 20 minutes, want one a minute: it is on its grid", more)
		}
	})
}

func TestAProberThatWasGivenUpIsRevived(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stop := actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })
		r := newRig(t, Deps{Supervisor: stop})
		r.peers.set("a:1", func(context.Context, string) Result { panic("as the test wants") })
		r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, "a:1")
		pass(firstSpread)
		r.peers.set("a:1", nil)
		pass(reviveAfter - time.Second)
		if n := len(r.peers.startsOf("a:1")); n != 1 {
			t.Fatalf("%d probes, want 1 while it is given up", n)
		}
		v := actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		if took := time.Since(r.peers.begin); v.Verdict != messages.Healthy || took > reviveAfter+2*firstSpread {
			t.Errorf("got %v after %v, want healthy after about %v", v.Verdict, took, reviveAfter)
		}
	})
}

func TestARestartedHealthActorGoesOnByItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		peers, late := newFakePeers(), &lateness{records: map[string][]balance.ProbeRecord{}}
		parent := actortest.NewParent(t, actortest.NewSystem(), actortest.Config{Within: time.Hour})
		props := crashable(Props(Config{Upstream: "web"}, Deps{NewProbe: peers.newProbe, Record: late.record, Logger: actortest.Quiet()}))
		r := &rig{Parent: parent, peers: peers, late: late, pid: parent.Spawn(t, props, "health")}
		peers.set("b:1", hanging(time.Hour))
		r.watch(5, messages.CheckSpec{Frequency: time.Minute}, messages.Unknown, "a:1", "b:1")
		actortest.Await[messages.VerdictReached](t, parent, nil)
		pass(time.Second)
		r.Send(r.pid, crash{})
		synctest.Wait()
		if n, _ := peers.flying("b:1"); n != 0 {
			t.Errorf("%d probes of b in flight after the crash, want the hanging one cancelled", n)
		}
		peers.set("b:1", nil)
		v := actortest.Await(t, parent, func(v messages.VerdictReached) bool { return v.Addr == "b:1" })
		if v.Gen != 5 || v.Verdict != messages.Healthy {
			t.Errorf("got %+v, want b healthy with Gen 5", v)
		}
		// The last WatchPeers said unknown of a: it is told again, and not probed ahead of its grid.
		again := actortest.Await(t, parent, func(v messages.VerdictReached) bool { return v.Addr == "a:1" })
		if again.Verdict != messages.Healthy || again.Gen != 5 {
			t.Errorf("got %+v, want a's verdict again", again)
		}
		if n := len(peers.startsOf("a:1")); n != 1 {
			t.Errorf("a was probed %d times, want 1: it has a verdict", n)
		}
		peers.set("a:1", failing)
		flip := actortest.Await(t, parent, func(v messages.VerdictReached) bool { return v.Addr == "a:1" })
		if flip.Verdict != messages.Unhealthy {
			t.Errorf("got %+v, want the flip after the restart", flip)
		}
	})
}
