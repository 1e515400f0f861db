package upstream

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func TestAnEqualSpecDoesNothingAtAll(t *testing.T) {
	w := healthyWorld(t, web(), "a:1")
	if fx := w.pool.ensure(web(), noon); fx.publish != nil || fx.watch != nil || fx.discover != nil || fx.build != nil || fx.left != nil || fx.events != nil {
		t.Errorf("does %+v", fx)
	}
	if fx := w.pool.found(messages.PeersFound{Gen: w.pool.gen, Peers: messages.ListOf(messages.PeerSpec{Addr: "a:1", Weight: 1})}, noon); fx.publish != nil || fx.watch != nil || fx.events != nil {
		t.Errorf("the same set does %+v", fx)
	}
}

// TestAnEditTouchesOnlyWhatItChanges edits an upstream in every way that leaves
// its peers, and looks at what is known of them, at requests in flight included.
func TestAnEditTouchesOnlyWhatItChanges(t *testing.T) {
	tests := []struct {
		name     string
		edit     func(*messages.UpstreamSpec)
		watches  bool
		discover bool
	}{
		{"algo", func(s *messages.UpstreamSpec) { s.Algo = messages.Algo{Kind: messages.LeastConn} }, false, false},
		{"algo hash", func(s *messages.UpstreamSpec) { s.Algo = messages.Algo{Kind: messages.Hash, Key: messages.KeyIP} }, false, false},
		{"check", func(s *messages.UpstreamSpec) { s.Check = messages.CheckSpec{Kind: messages.CheckHTTP, Failure: 5} }, true, false},
		{"limits", func(s *messages.UpstreamSpec) { s.Limits.MaxRequests = 9 }, false, false},
		{"retry", func(s *messages.UpstreamSpec) { s.Retry.Attempts = 4 }, false, false},
		{"timeouts", func(s *messages.UpstreamSpec) {
			s.Transport.ReadTimeout, s.DrainTimeout, s.ReplaceTimeout = time.Second, time.Second, time.Second
		}, false, false},
		{"weight", func(s *messages.UpstreamSpec) {
			s.Addrs = messages.ListOf(messages.PeerSpec{Addr: "a:1", Weight: 5})
		}, false, true},
		{"discovery", func(s *messages.UpstreamSpec) { s.Discovery.Kind = messages.DiscoverDNS }, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := healthyWorld(t, web(), "a:1", "b:1")
			w.decide("b:1", messages.Unhealthy)
			w.events = nil
			a := w.take()
			before := [2]balance.PeerState{w.ref.Peer("a:1").State(), w.ref.Peer("b:1").State()}
			spec := web()
			tt.edit(&spec)
			fx := w.pool.ensure(spec, noon)
			w.do(fx)
			if diff := cmp.Diff(before, [2]balance.PeerState{w.ref.Peer("a:1").State(), w.ref.Peer("b:1").State()}); diff != "" {
				t.Errorf("the peers changed (-before +after):\n%s", diff)
			}
			if w.ref.Peer("a:1") != a || !w.ref.Settled() {
				t.Errorf("the peer is another one, or the start-up rule began anew")
			}
			w.available("a:1")
			w.happened("upstream changed")
			if (fx.watch != nil) != tt.watches || (fx.discover != nil) != tt.discover {
				t.Errorf("tells health %v, the discoverer %v; want %v, %v", fx.watch != nil, fx.discover != nil, tt.watches, tt.discover)
			}
		})
	}
}

func TestAnAddedAndARemovedPeerLeaveTheOthersAlone(t *testing.T) {
	w := healthyWorld(t, web(), "a:1", "b:1")
	a := w.take()
	before := a.State()
	w.find("a:1", "b:1", "c:1")
	w.find("a:1", "c:1")
	if diff := cmp.Diff(before, w.ref.Peer(a.Addr()).State()); a.Addr() == "a:1" && diff != "" {
		t.Errorf("a changed (-before +after):\n%s", diff)
	}
	w.available("a:1")
}

func TestARecoveryThatFallsIntoARestartIsTold(t *testing.T) {
	w := healthyWorld(t, web(), "a:1")
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: w.pool.gen, Detail: "x"}, noon))
	w.restart(noon)
	w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: w.pool.gen, Detail: "x"}, noon)) // not told twice
	w.restart(noon)
	w.find("a:1")
	w.happened("discovery failed x", "discovery recovered ")
	w.ref.Withdraw()
	if _, fails := w.ref.DiscoveryFails(); fails {
		t.Errorf("a withdrawn upstream still fails")
	}
}

func TestOneNameThatNeverResolvesHidesNoOther(t *testing.T) {
	w := healthyWorld(t, web(), "a:1")
	for _, what := range []string{"gone", "gone", "gone a", "gone a", "gone"} {
		w.do(w.pool.notFound(messages.DiscoveryFailed{Gen: w.pool.gen, Detail: what + ": no answer", What: what}, noon))
	}
	w.happened("discovery failed gone: no answer", "discovery failed gone a: no answer", "discovery failed gone: no answer")
}
