package balance

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestLeastConnTakesTheLeastLoaded(t *testing.T) {
	tests := []struct {
		name     string
		weights  []int
		inFlight []int64
		want     int
	}{
		{"the fewest in flight", []int{1, 1, 1}, []int64{3, 1, 2}, 1},
		{"relative to the weight", []int{1, 10, 1}, []int64{2, 19, 3}, 1},
		{"counts the request itself", []int{1, 3}, []int64{0, 1}, 1},
		{"the only one with a free slot", []int{1, 1, 1}, []int64{20, 20, 19}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := newTestRef()
			members := publish(ref, messages.LeastConn, messages.Limits{MaxRequests: 20}, tt.weights...)
			for i, n := range tt.inFlight {
				members[i].Peer.inFlight.Store(n)
			}
			for range 20 {
				p := mustAcquire(t, ref, &Ask{})
				if p != members[tt.want].Peer {
					t.Fatalf("picked %s, want %s", p.Addr(), members[tt.want].Peer.Addr())
				}
				ref.Release(p, Outcome{})
			}
		})
	}
}

func TestLeastConnIsLevel(t *testing.T) {
	for _, n := range []int{10, leastConnExact, 1000} {
		ref := newTestRef()
		members := publish(ref, messages.LeastConn, messages.Limits{}, equalWeights(n)...)
		for range 10 * n {
			mustAcquire(t, ref, &Ask{})
		}
		// Exact: all equal. With 8 choices the fullest has hardly more than the mean.
		most := int64(10)
		if n > leastConnExact {
			most = 12
		}
		for _, m := range members {
			if got := m.Peer.InFlight(); got > most {
				t.Errorf("%d peers: %s has %d in flight, want at most %d", n, m.Peer.Addr(), got, most)
			}
		}
	}
}

func TestLeastConnTiesTakeTurns(t *testing.T) {
	ref := newTestRef()
	members := publish(ref, messages.LeastConn, messages.Limits{}, 1, 1, 1)
	for range 300 {
		ref.Release(mustAcquire(t, ref, &Ask{}), Outcome{})
	}
	for _, m := range members {
		if got := m.Peer.Requests(); got < 50 {
			t.Errorf("%s got %d of 300 idle requests, want about 100", m.Peer.Addr(), got)
		}
	}
}

func TestRandomFollowsTheWeights(t *testing.T) {
	ref := newTestRef()
	weights := []int{1, 2, 3, 10, 0, 1000}
	members := publish(ref, messages.Random, messages.Limits{}, weights...)
	const picks = 200_000
	for range picks {
		mustAcquire(t, ref, &Ask{})
	}
	for i, m := range members {
		share := float64(max(weights[i], 1)) / 1017
		// Six standard deviations: one false alarm in 10^8.
		sigma := math.Sqrt(picks * share * (1 - share))
		if got := float64(m.Peer.InFlight()); math.Abs(got-picks*share) > 6*sigma {
			t.Errorf("weight %d got %v picks, want %.0f +- %.0f", weights[i], got, picks*share, 6*sigma)
		}
	}
}

// TestAliasIsExact sums up what every column gives to whom.
func TestAliasIsExact(t *testing.T) {
	rng := newRand(t)
	for range 100 {
		weights := randomWeights(rng, 1+rng.IntN(50), 1000)
		a := newAlias(weights)
		got := make([]uint64, len(weights))
		for i := range weights {
			own := min(a.share[i], a.sum)
			got[i] += own
			got[a.other[i]] += a.sum - own
		}
		for i, w := range weights {
			if want := uint64(w) * uint64(len(weights)); got[i] != want {
				t.Fatalf("weights %v: index %d has %d parts, want %d", weights, i, got[i], want)
			}
		}
	}
}

func TestP2CPrefersTheFastAndTheIdle(t *testing.T) {
	tests := []struct {
		name     string
		weights  []int
		latency  []time.Duration
		inFlight []int64
		want     int
	}{
		{"the faster one", []int{1, 1}, []time.Duration{10 * time.Millisecond, 20 * time.Millisecond}, []int64{0, 0}, 0},
		{"the one with fewer in flight", []int{1, 1}, []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}, []int64{5, 1}, 1},
		{"latency times in flight", []int{1, 1}, []time.Duration{10 * time.Millisecond, 25 * time.Millisecond}, []int64{3, 0}, 1},
		{"by weight", []int{1, 4}, []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}, []int64{0, 2}, 1},
		{"a new peer counts as fast as the other", []int{1, 1}, []time.Duration{time.Microsecond, 0}, []int64{4, 0}, 1},
		{"and does not get everything", []int{1, 1}, []time.Duration{time.Second, 0}, []int64{0, 4}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := newTestRef()
			members := publish(ref, messages.P2C, messages.Limits{}, tt.weights...)
			for i, m := range members {
				m.Peer.inFlight.Store(tt.inFlight[i])
				if tt.latency[i] > 0 {
					m.Peer.latency.observe(tt.latency[i], ref.now())
				}
			}
			for range 20 {
				p := mustAcquire(t, ref, &Ask{})
				if p != members[tt.want].Peer {
					t.Fatalf("picked %s, want %s", p.Addr(), members[tt.want].Peer.Addr())
				}
				p.inFlight.Add(-1)
			}
		})
	}
}

func TestAFastFailingPeerDoesNotLookFast(t *testing.T) {
	for _, kind := range []messages.AlgoKind{messages.P2C, messages.Hash} { // hash: asks without a key
		ref := newTestRef()
		members := publish(ref, kind, messages.Limits{}, 1, 1)
		members[0].Peer.inFlight.Add(1)
		ref.Release(members[0].Peer, Outcome{Failed: true, Latency: time.Microsecond})
		members[1].Peer.inFlight.Add(1)
		ref.Release(members[1].Peer, Outcome{Latency: 50 * time.Millisecond})
		for range 20 {
			p := mustAcquire(t, ref, &Ask{})
			if p != members[1].Peer {
				t.Fatalf("%s picked the peer that fails", kind)
			}
			ref.Release(p, Outcome{})
		}
	}
}

func TestLatencyIsAPeakThatFades(t *testing.T) {
	var l latency
	at := func(d time.Duration) int64 { return int64(d) + 1 }
	near := func(got float64, want time.Duration) {
		t.Helper()
		if math.Abs(got-float64(want)) > float64(want)/50 {
			t.Errorf("latency %v, want %v", time.Duration(got), want)
		}
	}
	if l.value(at(0)) != 0 {
		t.Error("a latency is known before the first observation")
	}
	l.observe(10*time.Millisecond, at(0))
	near(l.value(at(0)), 10*time.Millisecond)
	l.observe(500*time.Millisecond, at(0)) // a peak counts at once, in the same tick too
	near(l.value(at(0)), 500*time.Millisecond)
	l.observe(time.Millisecond, at(0)) // what is below, a little
	near(l.value(at(0)), 500*time.Millisecond)
	near(l.value(at(10*time.Second)), 500*time.Millisecond*1000/2718)
	l.observe(10*time.Millisecond, at(10*time.Second))
	near(l.value(at(10*time.Second)), 190258*time.Microsecond) // 500/e + 10(1-1/e) ms
	if got := l.value(at(time.Hour)); got != 1 {
		t.Errorf("after an hour %v, want the floor of 1 ns", got)
	}
	l.observe(20*time.Millisecond, at(9*time.Second)) // a clock that is behind is no harm
	if got := l.value(at(10 * time.Second)); got < 1e7 || got > 3e8 {
		t.Errorf("after a late observation %v", got)
	}
}

// TestP2CComesBackToAPeerThatWasSlow: a single slow answer must not keep a peer out for good.
func TestP2CComesBackToAPeerThatWasSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		members := publish(ref, messages.P2C, messages.Limits{}, 1, 1)
		members[0].Peer.latency.observe(time.Second, ref.now())
		for range 6000 {
			p := mustAcquire(t, ref, &Ask{})
			<-time.After(10 * time.Millisecond)
			ref.Release(p, Outcome{Latency: 10 * time.Millisecond})
		}
		if got := members[0].Peer.Requests(); got < 100 {
			t.Errorf("the peer that was slow once got %d of 6000 requests in a minute", got)
		}
	})
}
