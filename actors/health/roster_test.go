package health

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func TestEveryPhaseAnswersEveryInput(t *testing.T) {
	type answer struct {
		next phase
		todo step
	}
	stay := func(p phase) answer { return answer{p, nothing} }
	// Rows: absent, running, ending, relieved, down.
	table := map[input][5]answer{
		wanted:   {{running, start}, stay(running), {relieved, nothing}, stay(relieved), stay(down)},
		unwanted: {stay(absent), {ending, stop}, stay(ending), {ending, nothing}, {absent, nothing}},
		ended:    {stay(absent), {down, reviveLater}, {absent, nothing}, {running, start}, stay(down)},
		revived:  {stay(absent), stay(running), stay(ending), stay(relieved), {running, start}},
	}
	for in, row := range table {
		for from, want := range row {
			if next, todo := transition(phase(from), in); next != want.next || todo != want.todo {
				t.Errorf("phase %d, input %d: got phase %d, step %d; want %d, %d", from, in, next, todo, want.next, want.todo)
			}
		}
	}
}

func newTestRoster() *roster { return newRoster(&memory{seats: map[string]*seat{}}) }

func testPlan() *plan {
	return &plan{check: complete(messages.CheckSpec{Kind: messages.CheckTCP}),
		probe: func(context.Context, string) Result { return result(messages.CodeOK, "fake") }}
}

// watchOf makes a WatchPeers of "addr" or "addr=verdict".
func watchOf(gen uint64, v messages.Verdict, addrs ...string) messages.WatchPeers {
	targets := make([]messages.ProbeTarget, len(addrs))
	for i, addr := range addrs {
		targets[i] = messages.ProbeTarget{Addr: addr, Verdict: v}
	}
	return messages.WatchPeers{Upstream: "web", Gen: gen, Peers: messages.ListOf(targets...)}
}

func assertEffects(t *testing.T, got, want effects) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(effects{})); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

func TestARosterFollowsTheSet(t *testing.T) {
	r, p := newTestRoster(), testPlan()
	unknown := messages.Unknown
	assertEffects(t, r.watch(watchOf(1, unknown, "b", "a", "a"), p), effects{start: []string{"a", "b"}})
	kept := r.memory.seats["a"]
	assertEffects(t, r.watch(watchOf(1, unknown, "a", "c"), p), effects{start: []string{"c"}, stop: []string{"b"}})
	if r.memory.seats["a"] != kept {
		t.Error("an unchanged peer lost its seat")
	}
	assertEffects(t, r.watch(watchOf(1, unknown, "a", "b", "c"), p), effects{}) // b is still ending
	assertEffects(t, r.hasEnded("b"), effects{start: []string{"b"}})
	assertEffects(t, r.watch(watchOf(1, unknown), p), effects{stop: []string{"a", "b", "c"}})
	assertEffects(t, r.hasEnded("a"), effects{})
	assertEffects(t, r.hasEnded("z"), effects{})
}

func TestWithoutAPlanNothingIsProbed(t *testing.T) {
	r := newTestRoster()
	assertEffects(t, r.watch(watchOf(1, messages.Unknown, "a"), nil), effects{})
	assertEffects(t, r.watch(watchOf(1, messages.Unknown, "a"), testPlan()), effects{start: []string{"a"}})
	assertEffects(t, r.watch(watchOf(1, messages.Unknown, "a"), nil), effects{stop: []string{"a"}})
	if len(r.memory.seats) != 0 {
		t.Error("seats are left although nothing is watched")
	}
}

func TestAnotherPlanRenewsRunningProbersAndKeepsVerdicts(t *testing.T) {
	r := newTestRoster()
	r.watch(watchOf(1, messages.Unhealthy, "a", "b"), testPlan())
	r.watch(watchOf(1, messages.Unhealthy, "a"), testPlan()) // b is ending
	other := testPlan()
	assertEffects(t, r.watch(watchOf(1, messages.Unhealthy, "a", "b"), other), effects{renew: []string{"a"}})
	if got := r.memory.seats["a"]; got.plan.Load() != other || got.verdict().Verdict != messages.Unhealthy {
		t.Error("want the new plan and the old verdict")
	}
}

func TestAVerdictTheParentDoesNotKnowIsToldAgain(t *testing.T) {
	r, p := newTestRoster(), testPlan()
	r.watch(watchOf(1, messages.Unknown, "a", "b"), p)
	told := r.memory.seats["a"].reach(messages.Unhealthy, result(messages.CodeStatus, "status 503"), time.Unix(5, 0))
	told.Gen = 2
	assertEffects(t, r.watch(watchOf(2, messages.Healthy, "a", "b"), p), effects{tell: []messages.VerdictReached{told}})
	assertEffects(t, r.watch(watchOf(2, messages.Unhealthy, "a", "b"), p), effects{})
}

func TestAVerdictCarriesTheGenerationOfTheLastWatch(t *testing.T) {
	r, p := newTestRoster(), testPlan()
	r.watch(watchOf(7, messages.Unknown, "a"), p)
	told := r.memory.seats["a"].reach(messages.Healthy, result(messages.CodeOK, ""), time.Unix(5, 0))
	if got, ok := r.reached(told); !ok || got.Gen != 7 {
		t.Errorf("got Gen %d (%v), want 7", got.Gen, ok)
	}
	r.watch(watchOf(8, messages.Unknown), p)
	if _, ok := r.reached(told); ok {
		t.Error("a verdict of a peer that is not watched passed")
	}
	r.watch(watchOf(9, messages.Unknown, "a"), p)
	if _, ok := r.reached(told); ok {
		t.Error("a verdict of an earlier watch of the same address passed")
	}
}

func TestWhoIsAskedToProbeAtOnce(t *testing.T) {
	r, p := newTestRoster(), testPlan()
	r.watch(watchOf(1, messages.Unknown, "a", "b", "c"), p)
	r.memory.seats["b"].reach(messages.Healthy, Result{}, time.Time{})
	r.memory.seats["c"].reach(messages.Unhealthy, Result{}, time.Time{})
	all := messages.ProbeNow{Upstream: "web"}
	if diff := cmp.Diff([]string{"a", "c"}, r.ask(all)); diff != "" {
		t.Errorf("all that are not healthy (-want +got):\n%s", diff)
	}
	if got := r.ask(all); got != nil {
		t.Errorf("asked %v again before they saw the first request", got)
	}
	r.memory.seats["a"].asked.Store(false)
	if diff := cmp.Diff([]string{"a"}, r.ask(all)); diff != "" {
		t.Errorf("after a saw it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b"}, r.ask(messages.ProbeNow{Addr: "b"})); diff != "" {
		t.Errorf("a named peer, although healthy (-want +got):\n%s", diff)
	}
	if got := r.ask(messages.ProbeNow{Addr: "nobody"}); got != nil {
		t.Errorf("an unknown address: %v, want nobody", got)
	}
}

func TestThoseGivenUpAreRevived(t *testing.T) {
	r, p := newTestRoster(), testPlan()
	r.watch(watchOf(1, messages.Unknown, "a", "b"), p)
	assertEffects(t, r.hasEnded("a"), effects{reviveLater: true})
	if got := r.ask(messages.ProbeNow{Addr: "a"}); got != nil {
		t.Errorf("asked %v, which has no actor", got)
	}
	assertEffects(t, r.revive(), effects{start: []string{"a"}})
	assertEffects(t, r.revive(), effects{})
}

func TestActorNamesOfAddressesAreSafeAndDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, addr := range []string{"10.0.0.1:80", "10.0.0.1=80", "10_0_0_1:80", "[::1]:80", "localhost:80", "unix:/run/a", "é:1", "="} {
		name := nameOf(addr)
		for _, c := range name {
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && c != '=' && c != '-' {
				t.Errorf("%q becomes %q with %q in it", addr, name, c)
			}
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q are both %q", addr, other, name)
		}
		seen[name] = addr
	}
	if got := nameOf("10.0.0.1:80"); got != "10_0_0_1=3A80" {
		t.Errorf("got %q", got)
	}
}

func TestAResultIsToldAgainWhileTheParentOnlyRemembers(t *testing.T) {
	r, p := newTestRoster(), testPlan()
	m := messages.WatchPeers{Upstream: "web", Gen: 2, Peers: messages.ListOf(messages.ProbeTarget{Addr: "a", Verdict: messages.Healthy, Remembered: true})}
	assertEffects(t, r.watch(m, p), effects{start: []string{"a"}})
	assertEffects(t, r.watch(m, p), effects{})
	told := r.memory.seats["a"].reach(messages.Healthy, result(messages.CodeOK, ""), time.Unix(5, 0))
	told.Gen = 2
	assertEffects(t, r.watch(m, p), effects{tell: []messages.VerdictReached{told}})
}
