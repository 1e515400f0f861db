package actors_test

import (
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// bomb makes the actor that receives it panic.
// house is a running tree with two upstreams of real listeners.
// peer returns the address of a listener that accepts for as long as the test runs.
// watch is the middleware that notes starts and lets bombs go off.
// prober returns the id of a prober of an upstream.
// drain returns what events came so far, as "weir.upstream.v1.changed web parked".
// traffic asks both upstreams for peers until stop is called, which returns how
// many asks failed.
// counters returns the requests counted for the peers of an upstream, and those in flight.
func TestACrashOfAnyActorUnderTrafficFailsNoRequest(t *testing.T) {
	// alone: only this upstream's actors restart, so the other's probes must not notice.
	tests := []struct {
		name  string
		actor string
		alone bool
	}{
		{"notifier", "system/notifier", true},
		{"control", "system/control", true},
		{"discoverer", "system/upstreams/web/discoverer", true},
		{"health", "system/upstreams/web/health", true},
		{"prober", "", true},
		{"upstream", "system/upstreams/web", true},
		{"manager", "system/upstreams", false},
		{"system", "system", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			id := tt.actor
			if id == "" {
				id = h.prober("web")
			}
			otherHealth := h.startsOf("system/upstreams/other/health")
			requestsBefore, _ := h.counters("web")
			stop := h.traffic()
			started := h.startsOf(id)
			h.system.Tell(id, bomb{})
			h.eventually(id+" restarted", func() bool { return h.startsOf(id) > started })
			// Both go on being probed after the crash.
			crashed := time.Now()
			for _, name := range []string{"web", "other"} {
				h.eventually(name+" is probed again", func() bool { return h.probedSince(name, crashed) })
			}
			asks, failed := stop()
			if failed != 0 {
				t.Errorf("%d of %d asks failed", failed, asks)
			}
			requests, inFlight := h.counters("web")
			if requests <= requestsBefore || inFlight != 0 {
				t.Errorf("requests counted %d, before the crash %d; in flight %d, want 0", requests, requestsBefore, inFlight)
			}
			if h.healthy("web") != 2 || h.healthy("other") != 2 {
				t.Errorf("healthy peers: web %d, other %d; want 2 and 2", h.healthy("web"), h.healthy("other"))
			}
			if now := h.startsOf("system/upstreams/other/health"); tt.alone && now != otherHealth {
				t.Errorf("the other upstream's health actor started %d times more", now-otherHealth)
			}
			if tt.name != "system" { // whose crash is told to a notifier that dies with it
				h.eventually("the crash is an event", func() bool { return h.saw("weir.actor.v1.crashed " + id) })
				h.eventually("the restart is an event", func() bool { return h.saw("weir.actor.v1.restarted " + id) })
			}
			for _, e := range h.drain() {
				if strings.HasPrefix(e, "weir.health.v1.flip") && strings.HasSuffix(e, "unhealthy") {
					t.Errorf("the crash made a flip: %s", e)
				}
			}
		})
	}
}

func TestAnUpstreamThatCrashesAgainAndAgainIsParkedAndWokenByItsConfiguration(t *testing.T) {
	h := newHouse(t)
	stop := h.traffic()
	const id = "system/upstreams/web"
	for i := range 3 {
		n := h.startsOf(id)
		h.system.Tell(id, bomb{})
		if i < 2 {
			h.eventually("it restarted", func() bool { return h.startsOf(id) > n })
		}
	}
	h.eventually("it is parked", func() bool {
		s := h.registry.Ref("web").Snapshot()
		return s.Parked() && h.saw("weir.upstream.v1.changed web parked")
	})
	parked := time.Now()
	h.eventually("its peers are still probed", func() bool { return h.probedSince("web", parked) })

	n := h.startsOf(id)
	h.apply(desired(t, h.peer(), h.peer()))
	h.eventually("it is awake, with its new peers", func() bool {
		return h.startsOf(id) > n && !h.registry.Ref("web").Snapshot().Parked() && h.healthy("web") == 2 && h.healthy("other") == 2
	})
	if asks, failed := stop(); failed != 0 {
		t.Errorf("%d of %d asks failed", failed, asks)
	}
}

func TestARemovedUpstreamIsWithdrawnAndMayComeBack(t *testing.T) {
	h := newHouse(t)
	both := desired(t, h.peer(), h.peer())
	h.system.Apply(messages.Desired{Upstreams: messages.ListOf(both.Upstreams.At(1))})
	h.eventually("web is withdrawn", func() bool {
		return h.registry.Ref("web").Snapshot() == nil && h.saw("weir.upstream.v1.changed web removed")
	})
	for range 20 { // removed and added in a hurry: the last word counts
		h.system.Apply(both)
		h.system.Apply(messages.Desired{Upstreams: messages.ListOf(both.Upstreams.At(1))})
	}
	h.system.Apply(both)
	h.eventually("web is back", func() bool { return h.healthy("web") == 2 })
}
