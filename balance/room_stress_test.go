package balance

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

// TestLimitsHoldUnderStress: many asks at once, on real cores. No peer ever has
// more than max_requests, nobody fails, and nothing is left behind.
func TestLimitsHoldUnderStress(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			const limit, askers, rounds = 2, 32, 300
			ref := newTestRef()
			members := membersOf(ref, 1, 2, 3)
			snapshot := snapshotOf(kind, messages.Limits{MaxRequests: limit, Queue: askers, QueueTimeout: time.Minute}, members)
			ref.Publish(snapshot)
			held := map[*Peer]*atomic.Int64{}
			for _, m := range members {
				held[m.Peer] = &atomic.Int64{}
			}
			var wg sync.WaitGroup
			for id := range askers {
				wg.Go(func() {
					ask := &Ask{HasKey: true, Key: uint32(id) << 27}
					for round := range rounds {
						p, err := ref.Acquire(ask)
						if err != nil {
							t.Error(err)
							return
						}
						if n := held[p].Add(1); n > limit {
							t.Errorf("%s has %d requests, limit %d", p.Addr(), n, limit)
						}
						if round%64 == id {
							ref.Publish(snapshot)
						}
						held[p].Add(-1)
						ref.Release(p, Outcome{Latency: time.Microsecond})
					}
				})
			}
			wg.Wait()
			for _, m := range members {
				if m.Peer.InFlight() != 0 {
					t.Errorf("%d in flight in the end", m.Peer.InFlight())
				}
			}
			if ref.Waiting() != 0 {
				t.Errorf("%d wait in the end", ref.Waiting())
			}
		})
	}
}

// TestNobodyIsForgotten runs random schedules in which time passes only when
// everything stands still. A waiter that nobody wakes although there is a slot
// would sleep until the head looks by itself, a second later: the clock shows it.
func TestNobodyIsForgotten(t *testing.T) {
	rng := newRand(t)
	for range 150 {
		seed := rng.Uint64()
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			ref := newTestRef()
			limits := messages.Limits{MaxRequests: 1 + rng.IntN(2), Queue: 1000, QueueTimeout: time.Hour}
			members := publish(ref, kinds[rng.IntN(len(kinds))], limits, equalWeights(1+rng.IntN(3))...)
			start := time.Now()
			var wg sync.WaitGroup
			for range 20 {
				gone := make(chan struct{})
				cancel := rng.IntN(4) == 0
				republish := rng.IntN(10) == 0
				wg.Go(func() {
					ask := &Ask{Done: gone}
					for range 20 {
						p, err := ref.Acquire(ask)
						if err != nil {
							if !errors.Is(err, ErrGone) {
								t.Errorf("Acquire: %v", err)
							}
							return
						}
						if republish {
							ref.Publish(snapshotOf(messages.RoundRobin, limits, members))
						}
						ref.Release(p, Outcome{})
					}
				})
				if cancel {
					wg.Go(func() { close(gone) })
				}
			}
			wg.Wait()
			if took := time.Since(start); took != 0 {
				t.Errorf("seed %d: %v passed although a slot was free", seed, took)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// TestWithdrawUnderStress: whoever asks while an upstream comes and goes gets an
// answer at once.
func TestWithdrawUnderStress(t *testing.T) {
	ref := newTestRef()
	limits := messages.Limits{MaxRequests: 1, Queue: 100, QueueTimeout: time.Minute}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			ask := &Ask{}
			for {
				select {
				case <-stop:
					return
				default:
				}
				p, err := ref.Acquire(ask)
				switch {
				case err == nil:
					ref.Release(p, Outcome{})
				case !errors.Is(err, ErrNoUpstream) && !errors.Is(err, ErrNoPeer):
					t.Errorf("Acquire: %v", err)
				}
			}
		})
	}
	for i := range 500 {
		publish(ref, messages.RoundRobin, limits, 1, 1)
		if i%2 == 0 {
			ref.Withdraw()
		} else {
			members := membersOf(ref, 1)
			members[0].Available = false
			ref.Publish(snapshotOf(messages.RoundRobin, limits, members))
		}
	}
	close(stop)
	ref.Withdraw()
	wg.Wait()
	if ref.Waiting() != 0 {
		t.Errorf("%d wait in the end", ref.Waiting())
	}
}
