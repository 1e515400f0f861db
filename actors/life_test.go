package actors_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func TestAnUpstreamThatCrashesAsItIsRemovedStaysRemoved(t *testing.T) {
	h := newHouse(t)
	both := desired(t, h.peer(), h.peer())
	one := messages.Desired{Upstreams: messages.ListOf(both.Upstreams.At(1))}
	for range 20 {
		h.apply(both)
		h.eventually("web is healthy", func() bool { return h.healthy("web") == 2 })
		h.apply(one)
		for range 3 {
			h.system.Tell("system/upstreams/web", bomb{})
			h.system.Tell("system/upstreams/web/health", bomb{})
		}
		h.eventually("web is withdrawn", func() bool { return h.registry.Ref("web").Snapshot() == nil })
	}
}

func TestAnUpstreamThatIsWantedAlwaysHasASnapshot(t *testing.T) {
	h := newHouse(t)
	both := desired(t, h.peer(), h.peer())
	one := messages.Desired{Upstreams: messages.ListOf(both.Upstreams.At(1))}
	for i := range 100 {
		h.apply(one)
		h.apply(both)
		for range 50 {
			if h.registry.Ref("web").Snapshot() == nil {
				t.Fatalf("round %d: web is wanted, its requests get no_upstream", i)
			}
		}
	}
	h.eventually("web is healthy", func() bool { return h.healthy("web") == 2 })
}

func TestAManagerThatCrashesWhileAnUpstreamStopsWithdrawsIt(t *testing.T) {
	h := newHouse(t)
	both := desired(t, h.peer(), h.peer())
	for range 10 {
		h.apply(both)
		h.eventually("web is healthy", func() bool { return h.healthy("web") == 2 })
		h.apply(messages.Desired{Upstreams: messages.ListOf(both.Upstreams.At(1))})
		h.system.Tell("system/upstreams", bomb{})
		h.eventually("web is withdrawn", func() bool { return h.registry.Ref("web").Snapshot() == nil })
		h.eventually("other is healthy", func() bool { return h.healthy("other") == 2 })
	}
}

func TestStopEndsAlsoWhileMuchIsQueued(t *testing.T) {
	h := newHouse(t)
	template := desired(t, h.peer(), h.peer()).Upstreams.At(0)
	var specs []messages.UpstreamSpec
	for i := range 300 {
		spec := template
		spec.Name = fmt.Sprintf("u%d", i)
		specs = append(specs, spec)
	}
	h.system.Apply(messages.Desired{Upstreams: messages.ListOf(specs...)})
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Second)
	defer cancel()
	if err := h.stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestWaitersOutliveARestartOfTheirUpstream(t *testing.T) {
	h := newHouse(t)
	spec := desired(t, h.peer(), h.peer()).Upstreams.At(0)
	spec.Limits.MaxRequests, spec.Limits.QueueTimeout = 1, 20*time.Second
	spec.Addrs = messages.ListOf(spec.Addrs.At(0))
	h.apply(messages.Desired{Upstreams: messages.ListOf(spec)})
	ref := h.registry.Ref("web")
	h.eventually("the new peer is healthy", func() bool { return h.healthy("web") == 1 && ref.Snapshot().Len() == 1 })
	taken, err := ref.Acquire(&balance.Ask{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		peer, err := ref.Acquire(&balance.Ask{})
		if err == nil {
			ref.Release(peer, balance.Outcome{})
		}
		got <- err
	}()
	h.eventually("somebody waits", func() bool { return ref.Waiting() == 1 })
	n := h.startsOf("system/upstreams/web")
	h.system.Tell("system/upstreams/web", bomb{})
	h.eventually("it restarted", func() bool { return h.startsOf("system/upstreams/web") > n })
	if ref.Waiting() != 1 {
		t.Errorf("%d wait after the restart, want 1", ref.Waiting())
	}
	ref.Release(taken, balance.Outcome{})
	if err := <-got; err != nil {
		t.Errorf("the waiter got %v", err)
	}
}
