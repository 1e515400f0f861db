package health

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

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

type rig struct {
	*actortest.Parent
	peers *fakePeers
	pid   *actor.PID
	late  *lateness
}

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

func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// Runs last: a dead letter of the stop has a goroutine that sleeps a moment.
		t.Cleanup(func() { pass(time.Second) })
		test(t)
	})
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
