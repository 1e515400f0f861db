package balance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// kinds are all algorithms.
var kinds = []messages.AlgoKind{messages.RoundRobin, messages.LeastConn, messages.P2C, messages.Random, messages.Hash}

func newTestRef() *Ref { return NewRegistry().Ref("api") }

// membersOf returns one available member per weight: 10.0.0.0:80, 10.0.0.1:80, ...
func membersOf(r *Ref, weights ...int) []Member {
	members := make([]Member, len(weights))
	for i, w := range weights {
		members[i] = Member{Peer: r.Peer(addrOf(i)), Weight: w, Available: true}
	}
	return members
}

func addrOf(i int) string { return fmt.Sprintf("10.%d.%d.%d:80", i>>16, i>>8&255, i&255) }

// snapshotOf returns a snapshot with a placement where the algorithm needs one.
func snapshotOf(kind messages.AlgoKind, limits messages.Limits, members []Member) *Snapshot {
	c := SnapshotConfig{Policy: Policy{Algo: messages.Algo{Kind: kind}, Limits: limits}, Members: members}
	if kind == messages.Hash {
		c.Placement = NewPlacement(members)
	}
	return NewSnapshot(c)
}

func publish(r *Ref, kind messages.AlgoKind, limits messages.Limits, weights ...int) []Member {
	members := membersOf(r, weights...)
	r.Publish(snapshotOf(kind, limits, members))
	return members
}

func mustAcquire(t testing.TB, r *Ref, a *Ask) *Peer {
	t.Helper()
	p, err := r.Acquire(a)
	if err != nil {
		t.Fatalf("Acquire() = %v, want a peer", err)
	}
	return p
}

func equalWeights(n int) []int {
	weights := make([]int, n)
	for i := range weights {
		weights[i] = 1
	}
	return weights
}

// newRand returns a generator whose seed is printed when the test fails.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}
