package upstream

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

const replaceTimeout = 10 * time.Second

func replacing() messages.UpstreamSpec {
	spec := web()
	spec.ReplaceTimeout = replaceTimeout
	return spec
}

// healthyWorld has the given peers, all healthy.
func healthyWorld(t *testing.T, spec messages.UpstreamSpec, addrs ...string) *world {
	t.Helper()
	w := newWorld(t, spec)
	w.find(addrs...)
	for _, a := range addrs {
		w.decide(a, messages.Healthy)
	}
	w.events = nil
	return w
}

func (w *world) restart(at time.Time) {
	w.pool = newPool(w.ref, w.pool.spec, w.pool.gen+1)
	w.do(w.pool.start(at))
}

func TestHealthyPeersServeUntilOneOfTheNewSetIsHealthy(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1", "b:1", "c:1")
	w.decide("c:1", messages.Unhealthy)
	w.events = nil
	w.find("d:1", "e:1")
	w.available("a:1", "b:1")
	if got := w.last.watch.Peers.Len(); got != 4 {
		t.Errorf("%d peers are probed, want the two old and the two new", got)
	}
	w.decide("e:1", messages.Unhealthy)
	w.available("a:1", "b:1")
	w.decide("d:1", messages.Healthy)
	w.available("d:1")
	w.happened("discovery changed 2 added, 3 removed, 0 changed", "flip e:1 unknown>unhealthy", "flip d:1 unknown>healthy")
	if got := w.last.watch.Peers.Len(); got != 2 || len(w.last.left) != 2 || w.ref.Snapshot().Len() != 2 {
		t.Errorf("then %d are probed, %d left, %d serve; want 2, 2, 2", got, len(w.last.left), w.ref.Snapshot().Len())
	}
	w.do(w.pool.due(noon.Add(time.Hour)))
	w.happened()
}

func TestWhenNoNewPeerIsHealthyInTimeTheSetIsUsedUnproven(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1")
	w.find("d:1", "e:1")
	w.decide("e:1", messages.Unhealthy)
	w.do(w.pool.due(noon.Add(replaceTimeout - 1)))
	w.available("a:1")
	w.events = nil
	w.do(w.pool.due(noon.Add(replaceTimeout)))
	w.available("d:1")
	w.happened("upstream degraded", "upstream unproven")
}

func TestWhenNoOldPeerIsHealthyAnyMoreTheNewSetIsUsed(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1")
	w.find("d:1")
	w.decide("a:1", messages.Unhealthy)
	w.available("d:1")
	if w.ref.Snapshot().Len() != 1 || len(w.last.left) != 1 {
		t.Errorf("%d peers in the snapshot, %d left; want the new one alone", w.ref.Snapshot().Len(), len(w.last.left))
	}
}

func TestWhatIsReplacedAtOnce(t *testing.T) {
	off := replacing()
	off.Check.Kind = messages.CheckOff
	tests := []struct {
		name  string
		spec  messages.UpstreamSpec
		old   messages.Verdict
		next  []string
		serve []string
	}{
		{"a set that shares a peer", replacing(), messages.Healthy, []string{"a:1", "d:1"}, []string{"a:1"}},
		{"an empty set", replacing(), messages.Healthy, nil, nil},
		{"a set whose peers are all unhealthy", replacing(), messages.Unhealthy, []string{"d:1"}, []string{"d:1"}},
		{"a set without a check", off, messages.Healthy, []string{"d:1"}, []string{"d:1"}},
		{"with a replace_timeout of 0", web(), messages.Healthy, []string{"d:1"}, []string{"d:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.spec)
			w.find("a:1")
			w.decide("a:1", tt.old)
			w.find(tt.next...)
			w.available(tt.serve...)
		})
	}
	t.Run("a set that is only remembered to be healthy", func(t *testing.T) {
		w := rememberWorld(t, replacing(), map[string]messages.Verdict{"a:1": messages.Healthy})
		w.find("a:1")
		w.find("d:1")
		w.available("d:1")
	})
}

func TestAnotherSetMeanwhileTakesThePlaceOfTheNewOneAndNoTime(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1", "b:1")
	w.find("d:1")
	found := func(at time.Time, addr string) {
		w.do(w.pool.found(messages.PeersFound{Gen: w.pool.gen, Peers: messages.ListOf(messages.PeerSpec{Addr: addr, Weight: 1})}, at))
	}
	found(noon.Add(6*time.Second), "e:1")
	w.available("a:1", "b:1")
	if _, known := w.ref.Known("d:1"); known {
		t.Errorf("the set between is still known")
	}
	if by := w.ref.Snapshot().ReplaceBy(); !by.Equal(noon.Add(replaceTimeout)) {
		t.Errorf("the old serve until %v, want %v", by, noon.Add(replaceTimeout))
	}
	found(noon.Add(7*time.Second), "b:1")
	w.available("b:1")
	if w.ref.Snapshot().Len() != 1 {
		t.Errorf("%d serve after an old one came back, want it alone", w.ref.Snapshot().Len())
	}
}

func TestAReplacementOutlivesARestartAndEndsInTime(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1", "b:1")
	w.find("d:1")
	for i := range 5 {
		at := noon.Add(time.Duration(i) * time.Second)
		w.restart(at)
		w.do(w.pool.found(messages.PeersFound{Gen: w.pool.gen, Peers: messages.ListOf(messages.PeerSpec{Addr: "d:1", Weight: 1})}, at))
		w.available("a:1", "b:1")
	}
	w.events = nil
	w.restart(noon.Add(replaceTimeout))
	w.available("d:1")
	w.happened("upstream unproven")
}

func TestTurningTheCheckOffOrTheTimeoutDownEndsAReplacement(t *testing.T) {
	for name, change := range map[string]func(*messages.UpstreamSpec){
		"check off":         func(s *messages.UpstreamSpec) { s.Check.Kind = messages.CheckOff },
		"no replace_timout": func(s *messages.UpstreamSpec) { s.ReplaceTimeout = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			w := healthyWorld(t, replacing(), "a:1")
			w.find("d:1")
			spec := replacing()
			change(&spec)
			w.do(w.pool.ensure(spec, noon.Add(time.Second)))
			w.available("d:1")
		})
	}
}

func TestAParkedUpstreamLetsGoOfTheOldWhenANewPeerIsHealthy(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1")
	w.find("d:1")
	w.do(parkUpstream(w.ref, replacing(), 9, "crashed", noon))
	w.available("a:1")
	w.do(careVerdict(w.ref, messages.VerdictReached{Upstream: "web", Addr: "d:1", Verdict: messages.Healthy, At: noon}, noon))
	w.available("d:1")
}

func TestHashPicksFollowTheSetInUse(t *testing.T) {
	spec := replacing()
	spec.Algo = messages.Algo{Kind: messages.Hash, Key: messages.KeyIP}
	w := healthyWorld(t, spec, "a:1", "b:1")
	rings := w.ref.Snapshot().Placement()
	fx := w.pool.found(messages.PeersFound{Gen: 1, Peers: messages.ListOf(messages.PeerSpec{Addr: "d:1", Weight: 1})}, noon)
	if fx.build == nil || fx.publish == nil || fx.publish.Placement() != rings {
		t.Fatalf("want the old rings in use, and new ones under way")
	}
	w.ref.Publish(fx.publish)
	w.decide("d:1", messages.Healthy) // before its rings are there
	w.available("d:1")
	if w.ref.Snapshot().Placement() != nil {
		t.Errorf("the old rings serve the new set")
	}
	next := balance.NewPlacement(fx.build)
	w.do(w.pool.ringsBuilt(next, noon))
	if w.ref.Snapshot().Placement() != next {
		t.Errorf("the new rings are not in use")
	}
}

func TestASetOfWhichAPartIsMissingReplacesNoneThatWorks(t *testing.T) {
	w := healthyWorld(t, replacing(), "a:1")
	find := func(partial bool, at time.Time) {
		w.do(w.pool.found(messages.PeersFound{Gen: w.pool.gen, Partial: partial, Peers: messages.ListOf(messages.PeerSpec{Addr: "d:1", Weight: 1})}, at))
	}
	find(true, noon)
	for n := range time.Duration(5) {
		w.do(w.pool.due(noon.Add((n + 1) * replaceTimeout)))
		w.available("a:1")
	}
	find(false, noon.Add(5*replaceTimeout))
	w.do(w.pool.due(noon.Add(5*replaceTimeout + 1)))
	w.available("a:1") // its time began anew when a part was missing
	w.do(w.pool.due(noon.Add(6 * replaceTimeout)))
	w.available("d:1")
}
