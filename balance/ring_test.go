package balance

import (
	"fmt"
	"hash/crc32"
	"slices"
	"sort"
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestRingSeedCutsLikeNginx(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:9001":  "127.0.0.1\x009001",
		"[::1]:9001":      "[::1]\x009001",
		"localhost:80":    "localhost\x0080",
		"unix:/run/a.soc": "/run/a.soc\x00",
		"example.com":     "example.com\x00",
	} {
		if got := string(ringSeed(addr)); got != want {
			t.Errorf("ringSeed(%q) = %q, want %q", addr, got, want)
		}
	}
}

// TestRingEqualsThePlainConstruction builds the ring a second time, slowly, and compares every search.
func TestRingEqualsThePlainConstruction(t *testing.T) {
	rng := newRand(t)
	for range 20 {
		n := 1 + rng.IntN(10)
		owners := make([]owner, n)
		type plain struct {
			hash  uint32
			owner int
		}
		var points []plain
		for i := range owners {
			owners[i] = owner{addr: addrOf(i), points: PointsPerWeight * (1 + rng.IntN(5))}
			host := addrOf(i)[:len(addrOf(i))-3]
			var last uint32
			for range owners[i].points {
				last = crc32.ChecksumIEEE([]byte(host + "\x0080" + string([]byte{byte(last), byte(last >> 8), byte(last >> 16), byte(last >> 24)})))
				points = append(points, plain{last, i})
			}
		}
		sort.SliceStable(points, func(i, j int) bool { return points[i].hash < points[j].hash })
		r := newRing(owners)
		for range 2000 {
			key := rng.Uint32()
			if rng.IntN(10) == 0 {
				key = points[rng.IntN(len(points))].hash
			}
			at := sort.Search(len(points), func(i int) bool { return points[i].hash >= key })
			if got, want := r.points[r.find(key)].owner(), points[at%len(points)].owner; got != want {
				t.Fatalf("key %08x belongs to %d, want %d", key, got, want)
			}
		}
		for _, key := range []uint32{0, 1<<32 - 1} {
			at := sort.Search(len(points), func(i int) bool { return points[i].hash >= key })
			if got, want := r.points[r.find(key)].owner(), points[at%len(points)].owner; got != want {
				t.Fatalf("key %08x belongs to %d, want %d", key, got, want)
			}
		}
	}
}

func TestRingOfTwoOwnersOfOnePointKeepsTheFirst(t *testing.T) {
	r := newRing([]owner{{addr: "a:1", points: 5}, {addr: "a:1", points: 10}})
	if len(r.points) != 10 {
		t.Fatalf("%d points, want 10", len(r.points))
	}
	first := 0
	for _, p := range r.points {
		if p.owner() == 0 {
			first++
		}
	}
	if first != 5 {
		t.Errorf("the first owner keeps %d points, want 5", first)
	}
}

func TestSortPointsIsStable(t *testing.T) {
	rng := newRand(t)
	points := make([]point, 5000)
	for i := range points {
		points[i] = point(rng.Uint32()>>20)<<52 | point(rng.Uint32N(3))<<32 | point(i)
	}
	want := slices.Clone(points)
	slices.SortStableFunc(want, func(a, b point) int { return int(int64(a.hash()) - int64(b.hash())) })
	sortPoints(points)
	if !slices.Equal(points, want) {
		t.Error("points are not sorted by hash, then by the order given")
	}
}

func TestHashMovesOnlyTheKeysOfALostPeer(t *testing.T) {
	ref := newTestRef()
	members := membersOf(ref, 1, 1, 1, 1, 1)
	placement := NewPlacement(members)
	pickAll := func() []*Peer {
		s := NewSnapshot(SnapshotConfig{Policy: Policy{Algo: messages.Algo{Kind: messages.Hash}}, Members: members, Placement: placement})
		picks := make([]*Peer, 2000)
		for i := range picks {
			picks[i] = s.pick(choice{ask: &Ask{HasKey: true, Key: HashKey(fmt.Sprint("key", i))}, ref: ref})
		}
		return picks
	}
	before := pickAll()
	members[3].Available = false
	after := pickAll()
	heirs := map[*Peer]int{}
	for i := range before {
		if before[i] == members[3].Peer {
			heirs[after[i]]++
		} else if before[i] != after[i] {
			t.Fatalf("key %d moved although its peer is available", i)
		}
	}
	if len(heirs) != 4 {
		t.Errorf("the keys of the lost peer went to %d peers, want all 4 others", len(heirs))
	}
	members[3].Available = true
	if !slices.Equal(pickAll(), before) {
		t.Error("keys do not come home when the peer comes back")
	}
}

// TestHashIsStableWhenHardlyAnyPeerIsAvailable: the walk along the ring ends without a
// peer for most keys, which are then placed by the hash alone.
func TestHashIsStableWhenHardlyAnyPeerIsAvailable(t *testing.T) {
	ref := newTestRef()
	members := membersOf(ref, equalWeights(3000)...)
	for i := range members {
		members[i].Available = i%1000 == 0
	}
	ref.Publish(snapshotOf(messages.Hash, messages.Limits{}, members))
	used := map[*Peer]bool{}
	for key := range uint32(500) {
		ask := &Ask{HasKey: true, Key: HashKey(fmt.Sprint(key))}
		p := mustAcquire(t, ref, ask)
		used[p] = true
		if again := mustAcquire(t, ref, ask); again != p {
			t.Fatalf("key %d goes to %s, then to %s", key, p.Addr(), again.Addr())
		}
	}
	if len(used) != 3 {
		t.Errorf("%d of 3 peers are used", len(used))
	}
}

func TestPlacementOfOtherMembersThanTheSnapshots(t *testing.T) {
	ref := newTestRef()
	members := membersOf(ref, 1, 1, 1, 1)
	placement := NewPlacement(members)
	gone := []Member{members[3], members[1]} // fewer, in another order
	gone = append(gone, Member{Peer: ref.Peer("new:1"), Weight: 1, Available: true})
	ref.Publish(NewSnapshot(SnapshotConfig{Policy: Policy{Algo: messages.Algo{Kind: messages.Hash}}, Members: gone, Placement: placement}))
	for key := range uint32(300) {
		p := mustAcquire(t, ref, &Ask{HasKey: true, Key: HashKey(fmt.Sprint(key))})
		if p == members[0].Peer || p == members[2].Peer {
			t.Fatalf("picked %s, which is not in the snapshot", p.Addr())
		}
	}
}

func TestHashWithoutPlacementPicks(t *testing.T) {
	ref := newTestRef()
	ref.Publish(NewSnapshot(SnapshotConfig{Policy: Policy{Algo: messages.Algo{Kind: messages.Hash}}, Members: membersOf(ref, 1, 1)}))
	mustAcquire(t, ref, &Ask{HasKey: true})
}

func TestPlacementHasAtMostMaxRingPoints(t *testing.T) {
	ref := newTestRef()
	weights := equalWeights(100)
	for i := range weights {
		weights[i] = 1000
	}
	weights[0] = 1
	p := NewPlacement(membersOf(ref, weights...))
	ring := p.rings[0]
	total := 0
	for _, o := range ring.owners {
		total += o.points
	}
	if total > MaxRingPoints {
		t.Errorf("%d points, want at most %d", total, MaxRingPoints)
	}
	if got := ring.owners[0].points; got != 40 {
		t.Errorf("weight 1 has %d points, want 40", got)
	}
}
