package upstream

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a pool whose effects are carried out the way the actor does.
type world struct {
	t      *testing.T
	ref    *balance.Ref
	pool   *pool
	events []string
	last   effects
}

func newWorld(t *testing.T, spec messages.UpstreamSpec) *world {
	t.Helper()
	w := &world{t: t, ref: balance.NewRegistry().Ref(spec.Name)}
	w.pool = newPool(w.ref, spec, 1)
	w.do(w.pool.start(noon))
	return w
}

func (w *world) do(fx effects) {
	w.last = fx
	if fx.publish != nil {
		w.ref.Publish(fx.publish)
	}
	for _, e := range fx.events {
		switch e := e.(type) {
		case messages.Flipped:
			w.events = append(w.events, "flip "+e.Peer+" "+e.From.String()+">"+e.To.String())
		case messages.UpstreamChanged:
			w.events = append(w.events, "upstream "+string(e.Change))
		case messages.DiscoveryChanged:
			w.events = append(w.events, "discovery "+string(e.Change)+" "+e.Detail)
		}
	}
	if fx.build != nil {
		w.do(w.pool.ringsBuilt(balance.NewPlacement(fx.build), noon))
	}
}

func (w *world) find(addrs ...string) {
	var peers []messages.PeerSpec
	for _, a := range addrs {
		peers = append(peers, messages.PeerSpec{Addr: a, Weight: 1})
	}
	w.do(w.pool.found(messages.PeersFound{Gen: w.pool.gen, Peers: messages.ListOf(peers...)}, noon))
}

func (w *world) decide(addr string, v messages.Verdict) {
	w.do(w.pool.verdict(messages.VerdictReached{Gen: w.pool.gen, Addr: addr, Verdict: v, At: noon}, noon))
}

func (w *world) available(want ...string) {
	w.t.Helper()
	var got []string
	for _, m := range w.ref.Snapshot().Members() {
		if m.Available {
			got = append(got, m.Peer.Addr())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("available peers (-want +got):\n%s", diff)
	}
}

func (w *world) happened(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.events); diff != "" {
		w.t.Errorf("events (-want +got):\n%s", diff)
	}
	w.events = nil
}

func web() messages.UpstreamSpec {
	return messages.UpstreamSpec{Name: "web", Algo: messages.Algo{Kind: messages.RoundRobin}, Check: messages.CheckSpec{Kind: messages.CheckTCP}}
}

func TestUnknownCountsAsHealthyUntilEveryPeerHadItsFirstResult(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1", "c:1")
	w.available("a:1", "b:1", "c:1")
	w.decide("a:1", messages.Unhealthy)
	w.available("b:1", "c:1")
	w.decide("b:1", messages.Healthy)
	w.happened("flip a:1 unknown>unhealthy", "flip b:1 unknown>healthy")
	w.decide("c:1", messages.Healthy)
	w.happened("flip c:1 unknown>healthy", "upstream degraded")
	w.decide("a:1", messages.Healthy)
	w.happened("flip a:1 unhealthy>healthy", "upstream healthy")
}

func TestALaterJoinerGetsTrafficAfterItsFirstResultOrWhenNothingElseIsAvailable(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1")
	w.decide("a:1", messages.Healthy)
	w.find("a:1", "b:1")
	w.available("a:1")
	w.decide("a:1", messages.Unhealthy)
	w.available("b:1")
	w.decide("b:1", messages.Unhealthy)
	w.available()
	w.decide("b:1", messages.Healthy)
	w.available("b:1")
}

func TestARestartAdoptsPeersVerdictsAndTheStartUpRule(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1")
	w.decide("a:1", messages.Healthy)
	w.decide("b:1", messages.Unhealthy)
	w.events = nil

	w.pool = newPool(w.ref, web(), 2)
	w.do(w.pool.start(noon))
	w.available("a:1")
	w.happened()
	if got := w.last.watch.Peers.Len(); got != 2 || w.last.watch.Gen != 2 {
		t.Errorf("watches %d peers with generation %d, want 2 and 2", got, w.last.watch.Gen)
	}
	if got := w.last.watch.Peers.At(1).Verdict; got != messages.Unhealthy {
		t.Errorf("hands on the verdict %s, want unhealthy", got)
	}
	w.find("a:1", "b:1")
	w.happened()
}

func TestWordsOfAnEarlierIncarnationAreDropped(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1")
	w.pool = newPool(w.ref, web(), 2)
	w.do(w.pool.start(noon))
	w.do(w.pool.verdict(messages.VerdictReached{Gen: 1, Addr: "a:1", Verdict: messages.Unhealthy}, noon))
	w.do(w.pool.found(messages.PeersFound{Gen: 1}, noon))
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: 1}, noon))
	w.available("a:1")
	w.happened()
}

func TestAVerdictOnAPeerThatIsGoneIsDropped(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1")
	w.find("a:1")
	w.events = nil
	w.decide("b:1", messages.Unhealthy)
	w.happened()
}

func TestAFailedDiscoveryKeepsTheLastSetAndIsToldOnce(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1")
	failed := messages.DiscoveryFailed{Gen: 1, Detail: "no name server"}
	w.do(w.pool.notFound(failed, noon))
	w.do(w.pool.notFound(failed, noon))
	w.available("a:1")
	w.find("a:1")
	w.happened("discovery failed no name server", "discovery recovered ")
}

func TestAFirstDiscoveryThatFailsEndsTheWait(t *testing.T) {
	w := newWorld(t, web())
	if got := w.ref.Snapshot().State(); got != messages.StatePending {
		t.Fatalf("state before the first discovery is %s, want pending", got)
	}
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: 1, Detail: "x"}, noon))
	if got := w.ref.Snapshot().State(); got != messages.StateDown {
		t.Errorf("state after a failed first discovery is %s, want down", got)
	}
}

func TestTheSameAddressTwiceAddsItsWeights(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1", "a:1")
	members := w.ref.Snapshot().Members()
	if len(members) != 2 || members[0].Weight != 2 {
		t.Errorf("got %d members, the first of weight %d; want 2 of which the first weighs 2", len(members), members[0].Weight)
	}
}

func TestAChangedSpecKeepsVerdictsAndTellsOnce(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1")
	w.decide("a:1", messages.Healthy)
	w.decide("b:1", messages.Unhealthy)
	w.events = nil
	spec := web()
	w.do(w.pool.ensure(spec, noon))
	w.happened()
	spec.Limits.MaxRequests = 7
	w.do(w.pool.ensure(spec, noon))
	w.available("a:1")
	w.happened("upstream changed")
	if got := w.ref.Snapshot().Policy().Limits.MaxRequests; got != 7 {
		t.Errorf("max_requests in force is %d, want 7", got)
	}
	if w.last.discover != nil {
		t.Errorf("discovers again although the addresses did not change")
	}
	spec.Addrs = messages.ListOf(messages.PeerSpec{Addr: "z:1", Weight: 1})
	w.do(w.pool.ensure(spec, noon))
	if _, ok := w.last.discover.(messages.Discover); !ok {
		t.Errorf("does not discover although the addresses changed")
	}
}

func TestWithTheCheckOffEveryPeerIsAvailable(t *testing.T) {
	spec := web()
	spec.Check.Kind = messages.CheckOff
	w := newWorld(t, spec)
	w.find("a:1", "b:1")
	w.available("a:1", "b:1")
	w.happened("upstream healthy")
}

func TestAHashUpstreamServesTheLastSetUntilItsRingsAreBuilt(t *testing.T) {
	spec := web()
	spec.Algo = messages.Algo{Kind: messages.Hash, Key: messages.KeyIP}
	w := newWorld(t, spec)
	w.find("a:1")
	w.decide("a:1", messages.Healthy)

	fx := w.pool.found(messages.PeersFound{Gen: 1, Peers: messages.ListOf(
		messages.PeerSpec{Addr: "a:1", Weight: 1}, messages.PeerSpec{Addr: "b:1", Weight: 1})}, noon)
	if fx.build == nil || fx.publish != nil {
		t.Fatalf("build %v, publish %v: want rings first", fx.build, fx.publish)
	}
	w.decide("a:1", messages.Unhealthy) // a flip meanwhile counts
	w.available()
	w.do(w.pool.ringsBuilt(balance.NewPlacement(fx.build), noon))
	if got := w.ref.Snapshot().Len(); got != 2 {
		t.Errorf("serves %d peers when the rings are there, want 2", got)
	}
}

func TestParkedUpstreamsServeTheirLastSnapshotAndFollowVerdicts(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1")
	w.decide("a:1", messages.Healthy)
	w.decide("b:1", messages.Healthy)
	w.events = nil
	w.do(parkUpstream(w.ref, web(), 9, "crashed", noon))
	w.available("a:1", "b:1")
	if !w.ref.Snapshot().Parked() || w.last.watch.Gen != 9 || w.last.watch.Peers.Len() != 2 {
		t.Errorf("parked %v, watch %+v", w.ref.Snapshot().Parked(), w.last.watch)
	}
	w.do(careVerdict(w.ref, messages.VerdictReached{Upstream: "web", Addr: "a:1", Verdict: messages.Unhealthy, At: noon}, noon))
	w.available("b:1")
	w.happened("upstream parked", "flip a:1 healthy>unhealthy")
	if !w.ref.Snapshot().Parked() {
		t.Errorf("a flip unparked the upstream")
	}
}

func TestAnUpstreamParkedBeforeItsFirstSnapshotAnswersAtOnce(t *testing.T) {
	ref := balance.NewRegistry().Ref("web")
	ref.Publish(parkUpstream(ref, web(), 1, "crashed", noon).publish)
	if _, err := ref.Acquire(&balance.Ask{}); err == nil {
		t.Errorf("an ask found a peer where there is none")
	}
}

func TestAPartialSetIsNoRecovery(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1")
	failed := messages.DiscoveryFailed{Gen: 1, Detail: "a.local"}
	w.do(w.pool.notFound(failed, noon))
	w.do(w.pool.found(messages.PeersFound{Gen: 1, Partial: true, Peers: messages.ListOf(
		messages.PeerSpec{Addr: "a:1", Weight: 1}, messages.PeerSpec{Addr: "c:1", Weight: 1})}, noon))
	w.do(w.pool.notFound(failed, noon))
	w.happened("discovery failed a.local", "discovery changed 1 added, 1 removed, 0 changed")
}

func TestTurningTheCheckOnBeginsTheStartUpRuleAnew(t *testing.T) {
	spec := web()
	spec.Check.Kind = messages.CheckOff
	w := newWorld(t, spec)
	w.find("a:1", "b:1", "c:1")
	w.do(w.pool.ensure(web(), noon))
	w.decide("a:1", messages.Healthy)
	w.available("a:1", "b:1", "c:1")
}

func TestARestartKeepsWhenTheSetBecameEmpty(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1")
	w.find()
	w.pool = newPool(w.ref, web(), 2)
	w.do(w.pool.start(noon.Add(time.Second)))
	if got := w.ref.Snapshot().EmptySince(); !got.Equal(noon) {
		t.Errorf("empty since %v, want %v: waiters would be sent away", got, noon)
	}
}

func TestAnUpstreamParkedBeforeItsFirstDiscoveryWaitsForItWhenWoken(t *testing.T) {
	ref := balance.NewRegistry().Ref("web")
	ref.Publish(parkUpstream(ref, web(), 1, "crashed", noon).publish)
	w := &world{t: t, ref: ref, pool: newPool(ref, web(), 2)}
	w.do(w.pool.start(noon))
	if got := ref.Snapshot().State(); got != messages.StatePending {
		t.Errorf("state is %s, want pending", got)
	}
	w.pool.gen = 1
	w.find("a:1")
	w.happened()
}

func TestAStateThatWasNotToldIsToldAfterARestart(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1", "b:1")
	w.decide("a:1", messages.Healthy)
	w.pool = newPool(w.ref, web(), 2)
	w.do(w.pool.start(noon))
	w.events = nil
	w.decide("b:1", messages.Healthy)
	w.happened("flip b:1 unknown>healthy", "upstream healthy")
}

func TestAFirstDiscoveryThatFindsNobodyIsToldAsDown(t *testing.T) {
	w := newWorld(t, web())
	w.events = nil
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: 1, Detail: "no such name"}, noon))
	w.happened("discovery failed no such name", "upstream down")
}
