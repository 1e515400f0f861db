package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestScheduleGivesExactShares(t *testing.T) {
	tests := []struct {
		weights []uint32
		length  int
	}{
		{[]uint32{1}, 1},
		{[]uint32{7}, 1},
		{[]uint32{1, 1, 1}, 3},
		{[]uint32{5, 1, 1}, 7},
		{[]uint32{10, 5}, 3},
		{[]uint32{1000, 1000, 500}, 5},
		{[]uint32{1, 2, 3, 4, 5, 6, 7}, 28},
		{[]uint32{1000, 999, 1}, 2000},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.weights), func(t *testing.T) {
			schedule := newSchedule(tt.weights)
			if len(schedule) != tt.length {
				t.Fatalf("length %d, want %d", len(schedule), tt.length)
			}
			var sum uint32
			for _, w := range tt.weights {
				sum += w
			}
			counts := countsOf(schedule, len(tt.weights))
			for i, w := range tt.weights {
				if want := int(w) * tt.length / int(sum); counts[i] != want {
					t.Errorf("index %d comes up %d times, want %d", i, counts[i], want)
				}
			}
		})
	}
}

func TestScheduleOrder(t *testing.T) {
	tests := []struct{ weights, want []uint32 }{
		{[]uint32{1, 1, 1}, []uint32{0, 1, 2}},
		{[]uint32{1, 2}, []uint32{1, 0, 1}},
		{[]uint32{3, 1}, []uint32{0, 0, 1, 0}}, // a tie: the heavier first
		{[]uint32{5, 1, 1}, []uint32{0, 1, 0, 0, 0, 2, 0}},
	}
	for _, tt := range tests {
		if got := newSchedule(tt.weights); !slices.Equal(got, tt.want) {
			t.Errorf("weights %v: %v, want %v", tt.weights, got, tt.want)
		}
	}
}

func TestScheduleHasNoRuns(t *testing.T) {
	tests := []struct {
		weights []uint32
		longest int // run of one index, around the end
	}{
		{[]uint32{5, 1, 1}, 3},
		{[]uint32{1, 1}, 1},
		{[]uint32{3, 2}, 2},
		{[]uint32{2, 2, 2, 2}, 1},
		{[]uint32{4, 2, 1}, 2},
		{[]uint32{10, 1}, 10},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.weights), func(t *testing.T) {
			schedule := newSchedule(tt.weights)
			longest, run := 0, 0
			for i := range 2 * len(schedule) {
				if i > 0 && schedule[i%len(schedule)] == schedule[(i-1)%len(schedule)] {
					run++
				} else {
					run = 1
				}
				longest = max(longest, min(run, len(schedule)))
			}
			if longest > tt.longest {
				t.Errorf("%v: a run of %d, want at most %d", schedule, longest, tt.longest)
			}
		})
	}
}

// TestScheduleIsSmooth holds every prefix of a round near the ideal: a peer's
// entries are shifted by half an entry of every other class at most.
func TestScheduleIsSmooth(t *testing.T) {
	rng := newRand(t)
	for range 200 {
		weights := randomWeights(rng, 1+rng.IntN(20), 30)
		schedule := newSchedule(weights)
		classes := float64(len(classesOf(weights)))
		var sum float64
		for _, w := range weights {
			sum += float64(w)
		}
		counts := make([]float64, len(weights))
		for at, index := range schedule {
			counts[index]++
			for i, w := range weights {
				share := float64(w) / sum
				if off := math.Abs(counts[i] - share*float64(at+1)); off > 1+share*classes/2 {
					t.Fatalf("weights %v: after %d picks index %d is off by %.2f", weights, at+1, i, off)
				}
			}
		}
	}
}

// TestScheduleBeyondTheBoundIsOffByOneEntry holds the error that newSchedule documents.
func TestScheduleBeyondTheBoundIsOffByOneEntry(t *testing.T) {
	rng := newRand(t)
	for _, n := range []int{100, 5000, 10_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			weights := randomWeights(rng, n, 1000)
			weights[0], weights[1] = 1, 999 // no common divisor
			schedule := newSchedule(weights)
			bound := max(scheduleBound, scheduleRoom*n)
			var sum float64
			for _, w := range weights {
				sum += float64(w)
			}
			if sum > float64(bound) && len(schedule) != bound {
				t.Errorf("length %d, want %d", len(schedule), bound)
			}
			counts := countsOf(schedule, n)
			for i, w := range weights {
				want := float64(w) * float64(len(schedule)) / sum
				if got := float64(counts[i]); math.Abs(got-want) >= 1 && !(want < 1 && got == 1) {
					t.Fatalf("index %d of weight %d comes up %v times, want %.2f +- 1", i, w, got, want)
				}
			}
		})
	}
}

func TestRoundRobinGoesOnOverSnapshots(t *testing.T) {
	ref := newTestRef()
	weights := []int{1, 1, 1, 1}
	seen := map[*Peer]int{}
	for range 4 {
		publish(ref, messages.RoundRobin, messages.Limits{}, weights...)
		p := mustAcquire(t, ref, &Ask{})
		seen[p]++
	}
	if len(seen) != 4 {
		t.Errorf("4 picks over 4 snapshots went to %d peers, want 4", len(seen))
	}
}

func TestRoundRobinSharesWhatALostPeerHad(t *testing.T) {
	ref := newTestRef()
	members := membersOf(ref, 1, 1, 1, 1)
	members[2].Available = false
	ref.Publish(snapshotOf(messages.RoundRobin, messages.Limits{}, members))
	for range 300 {
		mustAcquire(t, ref, &Ask{})
	}
	for i, want := range []int64{100, 100, 0, 100} {
		if got := members[i].Peer.InFlight(); got != want {
			t.Errorf("peer %d got %d requests, want %d", i, got, want)
		}
	}
}

func randomWeights(rng *rand.Rand, n, most int) []uint32 {
	weights := make([]uint32, n)
	for i := range weights {
		weights[i] = uint32(1 + rng.IntN(most))
	}
	return weights
}

func countsOf(schedule []uint32, n int) []int {
	counts := make([]int, n)
	for _, i := range schedule {
		counts[i]++
	}
	return counts
}
