package health

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestBlackHolesDoNotDelayOthers(t *testing.T) {
	const peers, holes = 1000, 50
	run := func(t *testing.T, holes int) (probes, late int) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Deps{Gate: NewGate(512)})
			addrs := make([]string, peers)
			for i := range addrs {
				addrs[i] = addrN(i)
				if i < holes {
					r.peers.set(addrs[i], hanging(3*time.Second))
				}
			}
			r.watch(1, messages.CheckSpec{Frequency: time.Second}, messages.Unknown, addrs...)
			pass(30 * time.Second)
			for _, addr := range addrs[50:] {
				for _, record := range r.late.of(addr) {
					probes++
					if record.Late > 10*time.Millisecond {
						late++
					}
				}
			}
			r.Stop(t, r.pid)
		})
		return probes, late
	}
	controlProbes, controlLate := run(t, 0)
	probes, late := run(t, holes)
	t.Logf("others: %d probes, %d late; control: %d, %d", probes, late, controlProbes, controlLate)
	if controlProbes < (peers-50)*25 {
		t.Fatalf("the control made %d probes, want about one a second each", controlProbes)
	}
	if probes < controlProbes*99/100 || late > controlLate+controlProbes/100 {
		t.Errorf("%d probes, %d late with black holes; %d, %d without", probes, late, controlProbes, controlLate)
	}
}

func TestAnUpstreamOfBlackHolesDoesNotDelayAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := NewGate(16)
		bad, good := newRig(t, Deps{Gate: gate}), newRig(t, Deps{Gate: gate})
		var addrs []string
		for i := range 100 {
			addrs = append(addrs, addrN(i))
			bad.peers.set(addrN(i), hanging(3*time.Second))
		}
		check := messages.CheckSpec{Frequency: time.Second}
		bad.watch(1, check, messages.Unknown, addrs...)
		pass(time.Second)
		if taken, _ := gate.slots.counts(); taken != 4 {
			t.Fatalf("the bad upstream has %d probes in flight, want its share of 4", taken)
		}
		good.watch(1, check, messages.Unknown, addrs...)
		pass(20 * time.Second)
		for _, addr := range addrs {
			records := good.late.of(addr)
			if len(records) < 17 {
				t.Errorf("%s was probed %d times in 20 s", addr, len(records))
			}
			for _, record := range records {
				if record.Late > 10*time.Millisecond {
					t.Errorf("%s was probed %v late", addr, record.Late)
				}
			}
		}
		if bad.late.of(addrs[0]) == nil && bad.late.of(addrs[1]) == nil {
			t.Error("the bad upstream was not probed at all")
		}
		bad.Stop(t, bad.pid)
	})
}

func TestLatenessIsMeasuredFromPlanToStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Deps{Gate: NewGate(1)})
		r.peers.set("a:1", hanging(2*time.Second))
		r.watch(1, messages.CheckSpec{Frequency: time.Hour}, messages.Unknown, "a:1", "b:1")
		r.peers.set("b:1", hanging(2*time.Second))
		pass(5 * time.Second)
		a, b := r.late.of("a:1"), r.late.of("b:1")
		if len(a) != 1 || len(b) != 1 {
			t.Fatalf("records %v and %v, want one each", a, b)
		}
		first, second := min(a[0].Late, b[0].Late), max(a[0].Late, b[0].Late)
		if first != 0 || second < 1750*time.Millisecond || second > 2*time.Second {
			t.Errorf("late by %v and %v, want 0 and almost the 2 s of the other's probe", first, second)
		}
	})
}
