package balance

import (
	"slices"
	"testing"
	"time"
)

func addrsOf(peers []*Peer) []string {
	var addrs []string
	for _, p := range peers {
		addrs = append(addrs, p.addr)
	}
	return addrs
}

func TestEachDrainEndsOnceAtItsOwnTime(t *testing.T) {
	ref := newTestRef()
	t0 := time.Unix(100, 0)
	for _, addr := range []string{"a:1", "b:1", "c:1", "d:1"} {
		ref.Peer(addr).take(0, false)
	}
	ref.Peer("c:1").give(false)
	ref.Retain([]string{"b:1", "d:1"}, t0, 10*time.Second)             // a (busy) and c leave
	ref.Retain([]string{"d:1"}, t0.Add(5*time.Second), 10*time.Second) // b leaves
	ref.Retain(nil, t0.Add(6*time.Second), 0)                          // d leaves, without an end
	steps := []struct {
		after time.Duration
		ended []string
		next  time.Duration // 0 = none
	}{
		{10*time.Second - 1, nil, 10 * time.Second},
		{10 * time.Second, []string{"a:1", "c:1"}, 15 * time.Second},
		{11 * time.Second, nil, 15 * time.Second},
		{time.Hour, []string{"b:1"}, 0},
		{2 * time.Hour, nil, 0},
	}
	for _, s := range steps {
		if ended := addrsOf(ref.EndDrains(t0.Add(s.after))); !slices.Equal(ended, s.ended) {
			t.Errorf("after %v: %v ended, want %v", s.after, ended, s.ended)
		}
		next, ok := ref.NextDeadline()
		if ok != (s.next != 0) || (ok && !next.Equal(t0.Add(s.next))) {
			t.Errorf("after %v: the next ends at %v (%v), want %v", s.after, next, ok, s.next)
		}
	}
	var draining []*Peer
	for _, d := range ref.Draining() {
		draining = append(draining, d.Peer)
	}
	if got := addrsOf(draining); !slices.Equal(got, []string{"a:1", "b:1", "d:1"}) {
		t.Errorf("with requests in flight there are %v, want a, b and d", got)
	}
	if back := ref.Peer("a:1"); back.InFlight() != 1 || back != draining[0] {
		t.Error("a came back after its cut and does not count the request that has not ended yet")
	}
}
