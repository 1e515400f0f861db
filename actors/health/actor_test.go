package health

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

// fakePeers stand in for the peers: they answer probes as told and keep account.
// flying returns how many probes of addr are in flight, and the most there were of any peer.
// hanging returns a probe that ends after timeout, or when it is cancelled.
// rig is a health actor under test with its parent.
// lateness collects what Record was told.
// bubble runs a test in a bubble of its own time.
// pass lets d of the bubble's time pass, and everything that happens in it.
func TestTheFirstResultOfEachPeerDecidesSoon(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("b:1", failing)
		r.watch(4, messages.CheckSpec{Failure: 3}, messages.Unknown, "a:1", "b:1")
		pass(firstSpread)
		got := map[string]messages.VerdictReached{}
		for _, v := range r.verdicts() {
			got[v.Addr] = v
		}
		if len(r.verdicts()) != 2 || got["a:1"].Verdict != messages.Healthy || got["b:1"].Verdict != messages.Unhealthy {
			t.Fatalf("got %+v, want a healthy and b unhealthy", r.verdicts())
		}
		if b := got["b:1"]; b.Gen != 4 || b.Upstream != "web" || b.Code != messages.CodeConnectRefused || b.Detail != "connection refused" || b.At.IsZero() {
			t.Errorf("got %+v, want the watch's generation, the upstream and the reason", b)
		}
		if records := r.late.of("b:1"); len(records) != 1 || records[0].Code != messages.CodeConnectRefused || records[0].At.IsZero() {
			t.Errorf("records of b: %+v, want its one probe", records)
		}
	})
}

func TestThresholdsFlipAndAContraryResultHastens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.watch(1, messages.CheckSpec{Frequency: time.Minute, Success: 2, Failure: 3}, messages.Healthy, "a:1")
		r.peers.set("a:1", failing)
		down := actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		starts := r.peers.startsOf("a:1")
		if down.Verdict != messages.Unhealthy || len(starts) != 3 {
			t.Fatalf("got %v after %d probes, want unhealthy after 3", down.Verdict, len(starts))
		}
		for i := 1; i < 3; i++ {
			if gap := starts[i] - starts[i-1]; gap > time.Second {
				t.Errorf("probe %d came %v after a contrary result, want at most 1s", i, gap)
			}
		}
		r.peers.set("a:1", nil)
		up := actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		starts = r.peers.startsOf("a:1")
		if up.Verdict != messages.Healthy || len(starts) != 5 {
			t.Fatalf("got %v after %d probes, want healthy after 5", up.Verdict, len(starts))
		}
		if gap := starts[3] - starts[2]; gap < 30*time.Second {
			t.Errorf("after the flip the next probe came in %v, want it on the grid again", gap)
		}
	})
}

func TestAHangingProbeIsTheOnlyOneInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("a:1", hanging(time.Minute))
		r.watch(1, messages.CheckSpec{Frequency: minFrequency}, messages.Unknown, "a:1")
		for range 500 {
			pass(100 * time.Millisecond)
			r.Send(r.pid, messages.ProbeNow{Upstream: "web", Addr: "a:1"})
		}
		_, most := r.peers.flying("a:1")
		if n := len(r.peers.startsOf("a:1")); n != 1 || most != 1 {
			t.Errorf("%d probes began, %d at once, want 1", n, most)
		}
	})
}

func TestAFloodOfProbeNowIsNoFloodOfProbes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.watch(1, messages.CheckSpec{Frequency: time.Hour}, messages.Healthy, "a:1", "b:1")
		synctest.Wait()
		const seconds = 10
		for range seconds * 1000 {
			r.Send(r.pid, messages.ProbeNow{Upstream: "web", Addr: "a:1"})
			pass(time.Millisecond)
		}
		starts := r.peers.startsOf("a:1")
		if len(starts) < seconds*9 || len(starts) > seconds*10+1 {
			t.Errorf("%d probes in %d s, want about 10 a second", len(starts), seconds)
		}
		for i := 1; i < len(starts); i++ {
			if gap := starts[i] - starts[i-1]; gap < forcedPause {
				t.Fatalf("probes %v apart, want at least %v", gap, forcedPause)
			}
		}
		if n := len(r.peers.startsOf("b:1")); n != 0 {
			t.Errorf("b was probed %d times though nobody asked", n)
		}
	})
}

func TestProbeNowForAllSparesTheHealthy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("b:1", failing)
		r.watch(1, messages.CheckSpec{Frequency: time.Hour}, messages.Unknown, "a:1", "b:1")
		pass(time.Second)
		r.Send(r.pid, messages.ProbeNow{Upstream: "web"})
		synctest.Wait()
		if a, b := len(r.peers.startsOf("a:1")), len(r.peers.startsOf("b:1")); a != 1 || b != 2 {
			t.Errorf("a was probed %d times, b %d times; want 1 and, at once, 2", a, b)
		}
	})
}

func TestAChangedSetStartsAndStopsProbersAndLeavesTheRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		check := messages.CheckSpec{Frequency: time.Second, Failure: 3}
		r.watch(1, check, messages.Unknown, "a:1", "b:1")
		pass(firstSpread)
		r.peers.set("a:1", failing)
		actortest.Await(t, r.Parent, func(v messages.VerdictReached) bool { return v.Addr == "a:1" })
		for len(r.late.of("a:1")) < 3 { // the first, and two failures
			pass(10 * time.Millisecond)
		}
		r.watch(2, check, messages.Healthy, "a:1", "c:1")
		synctest.Wait()
		gone := len(r.peers.startsOf("b:1"))
		flip := actortest.Await(t, r.Parent, func(v messages.VerdictReached) bool { return v.Verdict == messages.Unhealthy })
		if n := len(r.late.of("a:1")); n != 4 || flip.Gen != 2 {
			t.Errorf("a flipped after %d probes with Gen %d, want 4 and 2: its counters stay", n, flip.Gen)
		}
		pass(time.Minute)
		if n := len(r.peers.startsOf("b:1")); n != gone {
			t.Errorf("b was probed %d times after it was gone", n-gone)
		}
		if len(r.peers.startsOf("c:1")) == 0 || r.peers.timesMade() != 1 {
			t.Errorf("c was probed %d times, probes made %d times; want some, and once", len(r.peers.startsOf("c:1")), r.peers.timesMade())
		}
		r.watch(3, messages.CheckSpec{Kind: messages.CheckOff}, messages.Healthy, "a:1", "c:1")
		synctest.Wait()
		before := len(r.peers.startsOf("a:1")) + len(r.peers.startsOf("c:1"))
		pass(time.Minute)
		if n := len(r.peers.startsOf("a:1")) + len(r.peers.startsOf("c:1")); n != before {
			t.Errorf("%d probes although the check is off", n-before)
		}
	})
}

func TestAPeerThatComesBackWhileItsProberEndsIsProbedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		check := messages.CheckSpec{Frequency: time.Second}
		for gen := range uint64(20) {
			r.watch(gen*2, check, messages.Healthy, "a:1")
			r.watch(gen*2+1, check, messages.Healthy)
		}
		r.watch(99, check, messages.Unknown, "a:1")
		if v := actortest.Await[messages.VerdictReached](t, r.Parent, nil); v.Gen != 99 {
			t.Errorf("got Gen %d, want 99", v.Gen)
		}
	})
}

func TestAChangedCheckKeepsTheVerdictAndDropsTheCounters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.watch(1, messages.CheckSpec{Frequency: time.Minute, Failure: 2}, messages.Unknown, "a:1")
		actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		r.peers.set("a:1", failing)
		r.Send(r.pid, messages.ProbeNow{Addr: "a:1"})
		for len(r.late.of("a:1")) < 2 { // one contrary result
			pass(10 * time.Millisecond)
		}
		r.watch(1, messages.CheckSpec{Frequency: time.Second, Failure: 2}, messages.Healthy, "a:1")
		flip := actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		if n := len(r.late.of("a:1")); flip.Verdict != messages.Unhealthy || n != 4 || r.peers.timesMade() != 2 {
			t.Errorf("got %v after %d probes, made %d times; want unhealthy after 4, 2", flip.Verdict, n, r.peers.timesMade())
		}
	})
}

func TestACheckThatCannotBeRunLeavesTheOneBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, "a:1")
		actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		r.peers.refuseAll(ErrBadCheck)
		r.watch(2, messages.CheckSpec{Frequency: time.Hour}, messages.Healthy, "a:1", "b:1")
		synctest.Wait()
		if got := r.late.of("b:1"); len(got) != 1 || got[0].Code != messages.CodeInternal || got[0].Detail != ErrBadCheck.Error() {
			t.Errorf("records of b: %+v, want the fault of the check", got)
		}
		pass(time.Minute)
		if n := len(r.peers.startsOf("b:1")); n < 50 {
			t.Errorf("b was probed %d times in a minute, want the frequency of before", n)
		}
	})
}

func TestStopCancelsAHangingProbeAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("a:1", hanging(time.Hour))
		r.watch(1, messages.CheckSpec{}, messages.Unknown, "a:1", "b:1")
		pass(time.Second)
		begin := time.Now()
		r.Stop(t, r.pid)
		now, _ := r.peers.flying("a:1")
		if took := time.Since(begin); took != 0 || now != 0 {
			t.Errorf("stopped after %v with %d probes in flight, want at once and none", took, now)
		}
		if len(r.verdicts()) != 1 || r.verdicts()[0].Addr != "b:1" {
			t.Errorf("verdicts %+v, want none of the cancelled probe", r.verdicts())
		}
	})
}

func TestAProbeThatIgnoresItsCancellationHoldsUpTheStopOnlyBriefly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		deaf := func(context.Context, string) Result { <-time.After(time.Hour); return result(messages.CodeOK, "") }
		r.peers.set("a:1", deaf)
		r.watch(1, messages.CheckSpec{}, messages.Unknown, "a:1")
		pass(time.Second)
		begin := time.Now()
		r.Stop(t, r.pid)
		if took := time.Since(begin); took != abortPatience {
			t.Errorf("stopped after %v, want %v", took, abortPatience)
		}
		pass(2 * time.Hour)
		if len(r.verdicts()) != 0 {
			t.Errorf("verdicts %+v after the stop, want none", r.verdicts())
		}
	})
}

func TestWhoStopsStartsNothingAnyMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("a:1", func(context.Context, string) Result { <-time.After(time.Hour); return result(messages.CodeOK, "") })
		r.watch(1, messages.CheckSpec{}, messages.Unknown, "a:1")
		pass(time.Second)
		r.Do(func(c actor.Context) { c.Stop(r.pid) })
		synctest.Wait() // it waits for the prober, which waits for the deaf probe
		r.watch(1, messages.CheckSpec{}, messages.Unknown, "a:1", "b:1")
		actortest.Await(t, r.Parent, func(m *actor.Terminated) bool { return m.Who.Id == r.pid.Id })
		pass(2 * time.Hour)
		if n := len(r.peers.startsOf("b:1")); n != 0 {
			t.Errorf("b was probed %d times by an actor that was stopping", n)
		}
	})
}

func TestAChangedCheckCancelsTheProbeInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("a:1", hanging(time.Hour))
		r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, "a:1")
		pass(time.Second)
		r.peers.set("a:1", nil)
		r.watch(1, messages.CheckSpec{Frequency: 2 * time.Second}, messages.Unknown, "a:1")
		synctest.Wait()
		if n, _ := r.peers.flying("a:1"); n != 0 {
			t.Errorf("%d probes in flight, want the one of the old check cancelled", n)
		}
		v := actortest.Await[messages.VerdictReached](t, r.Parent, nil)
		if _, most := r.peers.flying("a:1"); v.Verdict != messages.Healthy || most != 1 {
			t.Errorf("got %v with %d probes at once, want healthy with 1", v.Verdict, most)
		}
	})
}

func TestTicksAndOutcomesOfTheWrongTicketAreDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{})
		r.peers.set("a:1", hanging(time.Minute))
		r.watch(1, messages.CheckSpec{Frequency: time.Hour}, messages.Unknown, "a:1")
		synctest.Wait()
		prober := actor.NewPID(r.pid.Address, r.pid.Id+"/"+nameOf("a:1"))
		r.Send(prober, tick{ticket: 1 << 40})
		synctest.Wait()
		if n := len(r.peers.startsOf("a:1")); n != 0 {
			t.Errorf("%d probes began for a tick of another incarnation", n)
		}
		pass(time.Second) // now it hangs
		r.Send(prober, outcome{ticket: 1 << 40, result: result(messages.CodeOK, "")})
		synctest.Wait()
		if len(r.verdicts()) != 0 || len(r.peers.startsOf("a:1")) != 1 {
			t.Errorf("verdicts %+v from an outcome of another incarnation", r.verdicts())
		}
	})
}

// crashes counts the failures it hands on to protoactor's default.
// crash makes a crashable actor panic.
// TestBlackHolesDoNotDelayOthers compares, on the bubble's clock, a run in which
// 50 of 1,000 peers never answer with a control run without them: the others
// are probed as often, and as punctually.
// TestAnUpstreamOfBlackHolesDoesNotDelayAnother has one upstream fill its share
// of the gate for good.
