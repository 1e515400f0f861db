package proxy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// contents returns what an index holds, and checks that it finds it.
func contents(t *testing.T, x *index[int], hash func(string) uint64) map[string]int {
	t.Helper()
	all := map[string]int{}
	for key, value := range x.all() {
		if _, twice := all[key]; twice {
			t.Errorf("%q comes twice", key)
		}
		all[key] = *value
		if found := x.find(hash(key), key); found == nil || *found != *value {
			t.Errorf("%q is not found", key)
		}
	}
	if x.size != len(all) {
		t.Errorf("size %d, holds %d", x.size, len(all))
	}
	return all
}

func TestIndexAgreesWithAMap(t *testing.T) {
	real := newHasher()
	for name, hash := range map[string]func(string) uint64{
		"good hashes":        real.of,
		"hashes that meet":   func(key string) uint64 { return real.of(key) % 3 << 62 },
		"one hash for every": func(string) uint64 { return 7 },
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var now index[int]
			want := map[string]int{}
			for round := range 60 {
				before, wanted := now, maps.Clone(want)
				by := &editor{}
				for range 1 + rng.IntN(50) {
					key := fmt.Sprint("k", rng.IntN(300))
					if rng.IntN(5) < 2 {
						now.del(by, hash(key), key)
						delete(want, key)
						continue
					}
					now.put(by, hash(key), key, round)
					want[key] = round
				}
				if got := contents(t, &now, hash); !maps.Equal(got, want) {
					t.Fatalf("round %d: got %v, want %v", round, got, want)
				}
				if got := contents(t, &before, hash); !maps.Equal(got, wanted) {
					t.Fatalf("round %d wrote to the index before it", round)
				}
			}
			by := &editor{}
			for key := range want {
				now.del(by, hash(key), key)
			}
			if now.root != nil || now.size != 0 {
				t.Errorf("an index without entries has nodes: %+v", now)
			}
		})
	}
}

func TestAllStopsWhenTold(t *testing.T) {
	var x index[int]
	h, by := newHasher(), &editor{}
	for i := range 100 {
		key := fmt.Sprint(i)
		x.put(by, h.of(key), key, i)
	}
	n := 0
	for range x.all() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d", n)
	}
}
