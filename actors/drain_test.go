package actors_test

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// TestADrainOutlivesCrashesAndEnds removes a peer with a request in flight, lets
// the upstream and the manager crash, and waits for the cut.
func TestADrainOutlivesCrashesAndEnds(t *testing.T) {
	for _, crash := range []string{"system/upstreams/web", "system/upstreams", ""} {
		t.Run("crash of "+crash, func(t *testing.T) {
			h := newHouse(t)
			both := desired(t, h.peer(), h.peer())
			spec := both.Upstreams.At(0)
			spec.DrainTimeout = 300 * time.Millisecond
			h.apply(messages.Desired{Upstreams: messages.ListOf(spec)})
			ref := h.registry.Ref("web")
			gone := spec.Addrs.At(0).Addr
			h.eventually("both new peers serve", func() bool { return h.healthy("web") == 2 && h.member("web", gone) })
			for peer := (*balance.Peer)(nil); peer == nil || peer.Addr() != gone; {
				var err error
				if peer, err = ref.Acquire(&balance.Ask{}); err != nil {
					t.Fatal(err)
				}
			}
			spec.Addrs = messages.ListOf(spec.Addrs.At(1))
			h.apply(messages.Desired{Upstreams: messages.ListOf(spec)})
			h.eventually("it left", func() bool { return !h.member("web", gone) })
			if crash != "" {
				h.system.Tell(crash, bomb{})
			}
			h.eventually("it is retired, then cut", func() bool {
				return h.asked("retire web "+gone) && h.asked("cut web "+gone)
			})
			if h.asked("cut web " + spec.Addrs.At(0).Addr) {
				t.Error("a member was cut")
			}
		})
	}
}

// TestARemovedUpstreamIsCutToo removes a whole upstream with a request in flight.
func TestARemovedUpstreamIsCutToo(t *testing.T) {
	h := newHouse(t)
	both := desired(t, h.peer(), h.peer())
	spec := both.Upstreams.At(0)
	spec.DrainTimeout = 500 * time.Millisecond
	h.apply(messages.Desired{Upstreams: messages.ListOf(spec)})
	ref := h.registry.Ref("web")
	h.eventually("it serves the new peers", func() bool { return h.member("web", spec.Addrs.At(0).Addr) })
	peer, err := ref.Acquire(&balance.Ask{})
	if err != nil {
		t.Fatal(err)
	}
	h.apply(messages.Desired{})
	h.eventually("it is withdrawn", func() bool { return ref.Snapshot() == nil })
	h.system.Tell("system/upstreams", bomb{}) // nobody else knows of it by now
	h.eventually("its request is cut", func() bool { return h.asked("cut web " + peer.Addr()) })
	if got := ref.Draining(); len(got) != 1 || got[0].Peer != peer {
		t.Errorf("draining %+v, want the peer", got)
	}
}

// TestAChangedCheckKeepsTheVerdicts changes the check of a running upstream:
// nothing becomes unknown, and no request fails.
func TestAChangedCheckKeepsTheVerdicts(t *testing.T) {
	h := newHouse(t)
	both := desired(t, h.peer(), h.peer())
	h.apply(both)
	h.eventually("the new peers are healthy", func() bool { return h.healthy("web") == 2 && h.member("web", both.Upstreams.At(0).Addrs.At(0).Addr) })
	flips := 0
	for p, st := range h.registry.Ref("web").States() {
		flips += int(st.Flips)
		if p.Verdict() != messages.Healthy {
			t.Fatalf("%s is %s", p.Addr(), p.Verdict())
		}
	}
	stop := h.traffic()
	for i := range 5 {
		spec := both.Upstreams.At(0)
		spec.Check.Failure = 3 + i
		h.apply(messages.Desired{Upstreams: messages.ListOf(spec, both.Upstreams.At(1))})
		changed := time.Now()
		h.eventually("it is probed the new way", func() bool { return h.probedSince("web", changed) })
	}
	if asks, failed := stop(); failed != 0 {
		t.Errorf("%d of %d asks failed", failed, asks)
	}
	for p, st := range h.registry.Ref("web").States() {
		flips -= int(st.Flips)
		if st.Verdict != messages.Healthy {
			t.Errorf("%s is %s", p.Addr(), st.Verdict)
		}
	}
	if flips != 0 {
		t.Errorf("the change of the check made %d flips", -flips)
	}
}
