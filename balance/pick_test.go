package balance

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirproxy/weir/messages"
)

// TestPickFindsAnyFreePeer builds random sets in random states and compares
// each pick with what the rules say.
func TestPickFindsAnyFreePeer(t *testing.T) {
	rng := newRand(t)
	for round := range 4000 {
		kind := kinds[round%len(kinds)]
		ref := newTestRef()
		limit := rng.IntN(4) // 0 = none
		members := randomMembers(rng, ref, limit)
		s := snapshotOf(kind, messages.Limits{MaxRequests: limit}, members)
		ref.cursor.next.Store(rng.Uint64())
		for range 5 {
			ask := &Ask{Key: rng.Uint32(), HasKey: rng.IntN(4) > 0}
			for _, m := range members {
				if rng.IntN(3) == 0 {
					ask.Tried(m.Peer)
				}
			}
			wantTier, wantTried, want := bestOf(members, ask, limit)
			got := s.pick(choice{ask: ask, ref: ref})
			if (got != nil) != want {
				t.Fatalf("%s, limit %d: pick = %v, want a peer: %t", kind, limit, got, want)
			}
			if got == nil {
				continue
			}
			m := memberOf(members, got)
			if !m.Available {
				t.Fatalf("%s picked %s, which is not available", kind, got.Addr())
			}
			if ask.HasTried(got) != wantTried || m.Tier != wantTier {
				t.Fatalf("%s picked tier %d tried %t, want tier %d tried %t", kind, m.Tier, ask.HasTried(got), wantTier, wantTried)
			}
			if limit > 0 && got.InFlight() > int64(limit) {
				t.Fatalf("%s: %d in flight, limit %d", kind, got.InFlight(), limit)
			}
		}
	}
}

func randomMembers(rng *rand.Rand, ref *Ref, limit int) []Member {
	n := rng.IntN(12)
	if rng.IntN(20) == 0 {
		n = leastConnExact + rng.IntN(200)
	}
	// One in four sets is nearly dead, one in four nearly full: there the search matters.
	alive, free := []int{1, 50, 90, 100}[rng.IntN(4)], []int{1, 50, 90, 100}[rng.IntN(4)]
	members := make([]Member, n)
	for i := range members {
		members[i] = Member{Peer: ref.Peer(addrOf(i)), Weight: rng.IntN(20), Tier: rng.IntN(3), Available: rng.IntN(100) < alive}
		if rng.IntN(100) >= free {
			members[i].Peer.inFlight.Store(int64(limit))
		}
	}
	return members
}

// bestOf says what a pick must find: the lowest tier among untried peers, else among tried ones.
func bestOf(members []Member, ask *Ask, limit int) (tier int, tried, ok bool) {
	for _, tried := range []bool{false, true} {
		found := false
		for _, m := range members {
			free := limit == 0 || m.Peer.InFlight() < int64(limit)
			if m.Available && free && ask.HasTried(m.Peer) == tried && (!found || m.Tier < tier) {
				tier, found = m.Tier, true
			}
		}
		if found {
			return tier, tried, true
		}
	}
	return 0, false, false
}

func memberOf(members []Member, p *Peer) Member {
	for _, m := range members {
		if m.Peer == p {
			return m
		}
	}
	return Member{}
}

// TestASweepFindsEverySlot carries one sweep from pick to pick, as heads of the
// queue do, until it finds nothing: then nothing is left.
func TestASweepFindsEverySlot(t *testing.T) {
	rng := newRand(t)
	for round := range 500 {
		kind := kinds[round%len(kinds)]
		ref := newTestRef()
		limit := 1 + rng.IntN(3)
		members := randomMembers(rng, ref, limit)
		slots := 0
		for _, m := range members {
			if m.Available {
				slots += limit - int(m.Peer.InFlight())
			}
		}
		s := snapshotOf(kind, messages.Limits{MaxRequests: limit}, members)
		var swept sweep
		lowest := 0
		for s.pick(choice{ask: &Ask{}, ref: ref, swept: &swept}) != nil {
			slots--
			if swept.tier < lowest {
				t.Fatalf("the sweep went back from tier %d to %d", lowest, swept.tier)
			}
			lowest = swept.tier
		}
		if slots != 0 {
			t.Fatalf("%s: %d slots were not found", kind, slots)
		}
	}
}

func TestRetryTakesAnotherTierBeforeTheSamePeer(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			ref := newTestRef()
			members := membersOf(ref, 1, 1, 1)
			members[1].Tier, members[2].Tier = 1, 2
			ref.Publish(snapshotOf(kind, messages.Limits{}, members))
			ask := &Ask{HasKey: true, Key: 7}
			for _, want := range []int{0, 1, 2, 0} {
				p := mustAcquire(t, ref, ask)
				if p != members[want].Peer {
					t.Errorf("picked %s, want %s", p.Addr(), members[want].Peer.Addr())
				}
				ask.Tried(p)
			}
		})
	}
}

func TestAcquireDoesNotAllocate(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	for _, kind := range kinds {
		for _, n := range []int{3, 100, 10_000} {
			t.Run(fmt.Sprintf("%s with %d peers", kind, n), func(t *testing.T) {
				ref := newTestRef()
				publish(ref, kind, messages.Limits{MaxRequests: 3}, equalWeights(n)...)
				ask := &Ask{HasKey: true}
				allocs := testing.AllocsPerRun(500, func() {
					ask.Key++
					p, err := ref.Acquire(ask)
					if err != nil {
						t.Fatal(err)
					}
					ref.Release(p, Outcome{Latency: 1e6})
					// A retry as well.
					ask.Tried(p)
					if p, err = ref.Acquire(ask); err != nil {
						t.Fatal(err)
					}
					ref.Release(p, Outcome{Failed: true})
					ask.tried = ask.tried[:0]
				})
				if allocs != 0 {
					t.Errorf("%v allocations per ask, want 0", allocs)
				}
			})
		}
	}
}

func TestHashKeyIsCRC32(t *testing.T) {
	// The check value of CRC-32/ISO-HDLC, and the empty string.
	if got := HashKey("123456789"); got != 0xCBF43926 {
		t.Errorf("HashKey(123456789) = %08X, want CBF43926", got)
	}
	if got := HashKey(""); got != 0 {
		t.Errorf(`HashKey("") = %08X, want 0`, got)
	}
	if allocs := testing.AllocsPerRun(100, func() { HashKey("/a/path/that/is/longer/than/thirty-two/bytes") }); allocs != 0 && !underRace {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

func TestAskResetForgetsWhatItTried(t *testing.T) {
	ref := newTestRef()
	ask := &Ask{Key: 3, HasKey: true, Done: make(chan struct{})}
	ask.Tried(ref.Peer("a:1"))
	ask.Tried(ref.Peer("a:1"))
	if len(ask.tried) != 1 {
		t.Errorf("tried %d peers, want 1", len(ask.tried))
	}
	ask.Reset()
	if ask.HasTried(ref.Peer("a:1")) || ask.HasKey || ask.Key != 0 || ask.Done != nil {
		t.Errorf("after Reset: %+v", ask)
	}
}
