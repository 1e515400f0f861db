package health

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

// fakePeers stand in for the peers: they answer probes as told and keep account.
type fakePeers struct {
	mu       sync.Mutex
	begin    time.Time
	behave   map[string]ProbeFunc // by address; absent = healthy
	starts   map[string][]time.Duration
	inFlight map[string]int
	most     int // the most probes in flight to one peer
	made     int // how many times a check was made into a probe
	refuse   error
}

func newFakePeers() *fakePeers {
	return &fakePeers{begin: time.Now(), behave: map[string]ProbeFunc{}, starts: map[string][]time.Duration{}, inFlight: map[string]int{}}
}

func (f *fakePeers) newProbe(messages.CheckSpec) (ProbeFunc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	return f.probe, f.refuse
}

func (f *fakePeers) probe(ctx context.Context, addr string) Result {
	f.mu.Lock()
	f.starts[addr] = append(f.starts[addr], time.Since(f.begin))
	f.inFlight[addr]++
	f.most = max(f.most, f.inFlight[addr])
	behave := f.behave[addr]
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight[addr]--
	}()
	if behave == nil {
		return result(messages.CodeOK, "fake")
	}
	return behave(ctx, addr)
}

func (f *fakePeers) set(addr string, behave ProbeFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behave[addr] = behave
}

func (f *fakePeers) startsOf(addr string) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Duration(nil), f.starts[addr]...)
}

// flying returns how many probes of addr are in flight, and the most there were of any peer.
func (f *fakePeers) flying(addr string) (now, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inFlight[addr], f.most
}

func (f *fakePeers) timesMade() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made
}

func (f *fakePeers) refuseAll(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

func failing(context.Context, string) Result {
	return result(messages.CodeConnectRefused, "connection refused")
}

// hanging returns a probe that ends after timeout, or when it is cancelled.
func hanging(timeout time.Duration) ProbeFunc {
	return func(ctx context.Context, _ string) Result {
		select {
		case <-ctx.Done():
			return result(messages.CodeInternal, "probe cancelled")
		case <-time.After(timeout):
			return result(messages.CodeConnectTimeout, "timeout")
		}
	}
}

// rig is a health actor under test with its parent.
type rig struct {
	*actortest.Parent
	peers *fakePeers
	pid   *actor.PID
	late  *lateness
}

// lateness collects what Record was told.
type lateness struct {
	mu      sync.Mutex
	records map[string][]balance.ProbeRecord
}

func (l *lateness) record(_, addr string, r balance.ProbeRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records[addr] = append(l.records[addr], r)
}

func (l *lateness) of(addr string) []balance.ProbeRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]balance.ProbeRecord(nil), l.records[addr]...)
}

func newRig(t *testing.T, deps Deps) *rig {
	t.Helper()
	r := &rig{peers: newFakePeers(), late: &lateness{records: map[string][]balance.ProbeRecord{}}}
	r.Parent = actortest.NewParent(t, actortest.NewSystem(), actortest.Config{Within: time.Hour})
	deps.NewProbe, deps.Record, deps.Logger = r.peers.newProbe, r.late.record, actortest.Quiet()
	r.pid = r.Spawn(t, Props(Config{Upstream: "web"}, deps), "health")
	return r
}

func (r *rig) watch(gen uint64, check messages.CheckSpec, v messages.Verdict, addrs ...string) {
	if check.Kind == "" {
		check.Kind = messages.CheckTCP
	}
	m := watchOf(gen, v, addrs...)
	m.Check = check
	r.Send(r.pid, m)
}

func (r *rig) verdicts() []messages.VerdictReached {
	return actortest.All[messages.VerdictReached](r.Parent)
}

// bubble runs a test in a bubble of its own time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// pass lets d of the bubble's time pass, and everything that happens in it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

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

// crash makes a crashable actor panic.
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

// TestBlackHolesDoNotDelayOthers compares, on the bubble's clock, a run in which
// 50 of 1,000 peers never answer with a control run without them: the others
// are probed as often, and as punctually.
func TestBlackHolesDoNotDelayOthers(t *testing.T) {
	const peers, holes = 1000, 50
	run := func(t *testing.T, holes int) (probes, late int) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Deps{Gate: NewGate(512)})
			addrs := make([]string, peers)
			for i := range addrs {
				addrs[i] = addrN(i)
				if i < holes {
					r.peers.set(addrs[i], hanging(3*time.Second))
				}
			}
			r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, addrs...)
			pass(30 * time.Second)
			for _, addr := range addrs[50:] {
				for _, record := range r.late.of(addr) {
					probes++
					if record.Late > 10*time.Millisecond {
						late++
					}
				}
			}
			r.Stop(t, r.pid)
		})
		return probes, late
	}
	controlProbes, controlLate := run(t, 0)
	probes, late := run(t, holes)
	t.Logf("others: %d probes, %d late; control: %d, %d", probes, late, controlProbes, controlLate)
	if controlProbes < (peers-50)*25 {
		t.Fatalf("the control made %d probes, want about one a second each", controlProbes)
	}
	if probes < controlProbes*99/100 || late > controlLate+controlProbes/100 {
		t.Errorf("%d probes, %d late with black holes; %d, %d without", probes, late, controlProbes, controlLate)
	}
}

// TestAnUpstreamOfBlackHolesDoesNotDelayAnother has one upstream fill its share
// of the gate for good.
func TestAnUpstreamOfBlackHolesDoesNotDelayAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := NewGate(16)
		bad, good := newRig(t, Deps{Gate: gate}), newRig(t, Deps{Gate: gate})
		var addrs []string
		for i := range 100 {
			addrs = append(addrs, addrN(i))
			bad.peers.set(addrN(i), hanging(3*time.Second))
		}
		check := messages.CheckSpec{Frequency: time.Second}
		bad.watch(1, check, messages.Unknown, addrs...)
		pass(time.Second)
		if taken, _ := gate.slots.counts(); taken != 4 {
			t.Fatalf("the bad upstream has %d probes in flight, want its share of 4", taken)
		}
		good.watch(1, check, messages.Unknown, addrs...)
		pass(20 * time.Second)
		for _, addr := range addrs {
			records := good.late.of(addr)
			if len(records) < 17 {
				t.Errorf("%s was probed %d times in 20 s", addr, len(records))
			}
			for _, record := range records {
				if record.Late > 10*time.Millisecond {
					t.Errorf("%s was probed %v late", addr, record.Late)
				}
			}
		}
		if bad.late.of(addrs[0]) == nil && bad.late.of(addrs[1]) == nil {
			t.Error("the bad upstream was not probed at all")
		}
		bad.Stop(t, bad.pid)
	})
}

func TestLatenessIsMeasuredFromPlanToStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{Gate: NewGate(1)})
		r.peers.set("a:1", hanging(2*time.Second))
		r.watch(1, messages.CheckSpec{Frequency: time.Hour}, messages.Unknown, "a:1", "b:1")
		r.peers.set("b:1", hanging(2*time.Second))
		pass(5 * time.Second)
		a, b := r.late.of("a:1"), r.late.of("b:1")
		if len(a) != 1 || len(b) != 1 {
			t.Fatalf("records %v and %v, want one each", a, b)
		}
		first, second := min(a[0].Late, b[0].Late), max(a[0].Late, b[0].Late)
		if first != 0 || second < 1750*time.Millisecond || second > 2*time.Second {
			t.Errorf("late by %v and %v, want 0 and almost the 2 s of the other's probe", first, second)
		}
	})
}
