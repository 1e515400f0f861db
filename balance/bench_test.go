package balance

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

var benchSizes = []int{3, 100, 10_000}

func BenchmarkAcquire(b *testing.B) {
	for _, kind := range kinds {
		for _, n := range benchSizes {
			ref := newTestRef()
			publish(ref, kind, messages.Limits{}, equalWeights(n)...)
			b.Run(fmt.Sprintf("%s/%d/serial", kind, n), func(b *testing.B) {
				b.ReportAllocs()
				ask := &Ask{HasKey: true}
				for b.Loop() {
					ask.Key += 0x9E3779B9
					p, _ := ref.Acquire(ask)
					ref.Release(p, Outcome{Latency: time.Millisecond})
				}
			})
			b.Run(fmt.Sprintf("%s/%d/parallel", kind, n), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					ask := &Ask{HasKey: true}
					for pb.Next() {
						ask.Key += 0x9E3779B9
						p, _ := ref.Acquire(ask)
						ref.Release(p, Outcome{Latency: time.Millisecond})
					}
				})
			})
		}
	}
}

// BenchmarkQueue is a peer at its limit with more asks than slots: each ask
// waits, and each release wakes one.
func BenchmarkQueue(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("%d peers", n), func(b *testing.B) {
			b.ReportAllocs()
			ref := newTestRef()
			publish(ref, messages.RoundRobin, messages.Limits{MaxRequests: 1, Queue: 10_000}, equalWeights(n)...)
			for range n - 1 {
				if _, err := ref.Acquire(&Ask{}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				ask := &Ask{}
				for pb.Next() {
					p, err := ref.Acquire(ask)
					if err != nil {
						b.Error(err)
						return
					}
					ref.Release(p, Outcome{})
				}
			})
		})
	}
}

// BenchmarkFlip rebuilds a snapshot of 10,000 peers after one flip.
func BenchmarkFlip(b *testing.B) {
	for _, kind := range kinds {
		for _, name := range []string{"equal weights", "mixed weights"} {
			b.Run(fmt.Sprintf("%s/%s", kind, name), func(b *testing.B) {
				ref := newTestRef()
				weights := equalWeights(10_000)
				if name == "mixed weights" {
					for i := range weights {
						weights[i] = 1 + i*7919%1000
					}
				}
				s := snapshotOf(kind, messages.Limits{}, membersOf(ref, weights...))
				b.ResetTimer()
				for b.Loop() {
					s = s.Reconsider(time.Time{})
				}
			})
		}
	}
}

// BenchmarkPlacement builds rings of the most points there may be.
func BenchmarkPlacement(b *testing.B) {
	weights := equalWeights(1000)
	for i := range weights {
		weights[i] = MaxRingPoints / PointsPerWeight / len(weights)
	}
	members := membersOf(newTestRef(), weights...)
	for b.Loop() {
		NewPlacement(members)
	}
}
