package upstream

import (
	"errors"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// rememberWorld is a world whose Ref remembers verdicts, before anything was discovered.
func rememberWorld(t *testing.T, spec messages.UpstreamSpec, left map[string]messages.Verdict) *world {
	t.Helper()
	w := &world{t: t, ref: balance.NewRegistry().Ref(spec.Name)}
	for addr, v := range left {
		w.ref.Peer(addr).Remember(v, messages.CodeStatus, "before", noon.Add(-time.Hour), 5)
	}
	w.pool = newPool(w.ref, spec, 1)
	w.do(w.pool.start(noon))
	return w
}

func TestARememberedUnhealthyPeerGetsNoRequestAndAHealthyOneDoes(t *testing.T) {
	w := rememberWorld(t, web(), map[string]messages.Verdict{"a:1": messages.Unhealthy, "b:1": messages.Healthy})
	w.find("a:1", "b:1", "c:1")
	w.available("b:1", "c:1")
	for i, want := range []messages.ProbeTarget{{Addr: "a:1", Verdict: messages.Unhealthy, Remembered: true},
		{Addr: "b:1", Verdict: messages.Healthy, Remembered: true}, {Addr: "c:1"}} {
		if got := w.last.watch.Peers.At(i); got != want {
			t.Errorf("health is told %+v, want %+v", got, want)
		}
	}
	w.decide("a:1", messages.Healthy)
	w.happened("flip a:1 unhealthy>healthy")
	w.decide("b:1", messages.Healthy) // no flip
	if w.ref.Settled() {
		t.Errorf("settled before c had a result")
	}
	w.decide("c:1", messages.Healthy)
	w.happened("flip c:1 unknown>healthy", "upstream healthy")
}

func TestAConfirmedVerdictEndsTheStartUpRuleWithoutAFlip(t *testing.T) {
	w := rememberWorld(t, web(), map[string]messages.Verdict{"a:1": messages.Healthy})
	w.find("a:1")
	if w.ref.Settled() {
		t.Fatalf("settled by what is only remembered")
	}
	w.decide("a:1", messages.Healthy)
	w.happened("upstream healthy")
	if st := w.ref.Peer("a:1").State(); !w.ref.Settled() || st.Remembered || st.Flips != 5 || !st.Since.Equal(noon.Add(-time.Hour)) {
		t.Errorf("settled %v, %+v; want settled, and the verdict of before as our own", w.ref.Settled(), st)
	}
}

func TestRequestsWaitForTheFirstResultsWhenAllAreRememberedUnhealthy(t *testing.T) {
	spec := web()
	spec.Limits = messages.Limits{Queue: 1, QueueTimeout: 20 * time.Second}
	w := rememberWorld(t, spec, map[string]messages.Verdict{"a:1": messages.Unhealthy, "b:1": messages.Unhealthy})
	w.find("a:1", "b:1")
	w.available()
	ask := func() chan error {
		got := make(chan error, 1)
		go func() {
			p, err := w.ref.Acquire(&balance.Ask{})
			if err == nil {
				w.ref.Release(p, balance.Outcome{})
			}
			got <- err
		}()
		for w.ref.Waiting() == 0 {
			select {
			case err := <-got:
				t.Fatalf("the ask did not wait: %v", err)
			default:
			}
		}
		return got
	}
	got := ask()
	w.decide("a:1", messages.Unhealthy)
	if w.ref.Waiting() != 1 {
		t.Fatalf("sent away although b had no result yet")
	}
	w.decide("b:1", messages.Unhealthy)
	if err := <-got; !errors.Is(err, balance.ErrNoPeer) {
		t.Errorf("when all had their result: %v, want %v", err, balance.ErrNoPeer)
	}
	if _, err := w.ref.Acquire(&balance.Ask{}); !errors.Is(err, balance.ErrNoPeer) {
		t.Errorf("after that: %v, want %v at once", err, balance.ErrNoPeer)
	}

	w = rememberWorld(t, spec, map[string]messages.Verdict{"a:1": messages.Unhealthy, "b:1": messages.Unhealthy})
	w.find("a:1", "b:1")
	got = ask()
	w.decide("b:1", messages.Healthy)
	if err := <-got; err != nil {
		t.Errorf("when one works: %v, want a peer", err)
	}
}

func TestWithTheCheckOffARememberedVerdictHasNoEffect(t *testing.T) {
	spec := web()
	spec.Check.Kind = messages.CheckOff
	w := rememberWorld(t, spec, map[string]messages.Verdict{"a:1": messages.Unhealthy})
	w.find("a:1", "b:1")
	w.available("a:1", "b:1")
	w.do(w.pool.ensure(web(), noon)) // the check goes on
	w.available("b:1")
	if target := w.last.watch.Peers.At(0); !target.Remembered {
		t.Errorf("health is told %+v, want a remembered verdict", target)
	}
}

func TestAVerdictFromBeforeTheCheckWasOffIsOnlyRemembered(t *testing.T) {
	w := newWorld(t, web())
	w.find("a:1")
	w.decide("a:1", messages.Unhealthy)
	spec := web()
	spec.Check.Kind = messages.CheckOff
	w.do(w.pool.ensure(spec, noon))
	w.available("a:1")
	w.decide("a:1", messages.Healthy) // was on its way
	if got := w.ref.Peer("a:1").Verdict(); got != messages.Unhealthy {
		t.Errorf("a verdict counts while the check is off: %s", got)
	}
	w.do(w.pool.ensure(web(), noon))
	if target := w.last.watch.Peers.At(0); !target.Remembered || target.Verdict != messages.Unhealthy {
		t.Errorf("health is told %+v, want unhealthy, remembered", target)
	}
}

func TestWhatIsRememberedStaysUntilAFullSetWasFound(t *testing.T) {
	w := rememberWorld(t, web(), map[string]messages.Verdict{"a:1": messages.Unhealthy, "b:1": messages.Unhealthy, "gone:1": messages.Healthy})
	partial := func(addrs ...string) {
		var peers []messages.PeerSpec
		for _, a := range addrs {
			peers = append(peers, messages.PeerSpec{Addr: a, Weight: 1})
		}
		w.do(w.pool.found(messages.PeersFound{Gen: w.pool.gen, Partial: true, Peers: messages.ListOf(peers...)}, noon))
	}
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: 1, Detail: "b.local"}, noon))
	partial("a:1")
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: 1, Detail: "b.local"}, noon))
	w.pool = newPool(w.ref, web(), 2)
	w.do(w.pool.start(noon))
	partial("a:1", "b:1")
	w.available()
	w.find("a:1", "b:1") // the same, complete
	if _, known := w.ref.Known("gone:1"); known {
		t.Errorf("what is not in the full set is still remembered")
	}
	if v := w.ref.Peer("b:1").Verdict(); v != messages.Unhealthy {
		t.Errorf("b is %s, want what was remembered", v)
	}
}

func TestAParkedUpstreamTakesResultsOfRememberedPeers(t *testing.T) {
	spec := web()
	spec.Limits = messages.Limits{Queue: 1, QueueTimeout: time.Millisecond}
	w := rememberWorld(t, spec, map[string]messages.Verdict{"a:1": messages.Unhealthy})
	w.find("a:1")
	w.do(parkUpstream(w.ref, spec, 9, "crashed", noon))
	w.events = nil
	w.do(careVerdict(w.ref, messages.VerdictReached{Upstream: "web", Addr: "a:1", Verdict: messages.Unhealthy, At: noon}, noon))
	w.happened()
	if _, err := w.ref.Acquire(&balance.Ask{}); !errors.Is(err, balance.ErrNoPeer) {
		t.Errorf("got %v, want %v: the result is known", err, balance.ErrNoPeer)
	}
}
