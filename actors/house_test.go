package actors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/actors"
	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

type bomb struct{}

type house struct {
	t        *testing.T
	registry *balance.Registry
	system   *actors.System
	applied  chan error
	stopped  bool
	events   *notifier.Subscription
	// starts counts the incarnations of each actor, by id.
	mu     sync.Mutex
	starts map[string]int
	seen   []string // "type change/actor" of events, in order
	asks   []string // what the data path was asked: "cut web 127.0.0.1:80"
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, registry: balance.NewRegistry(), starts: map[string]int{}}
	feed := notifier.NewFeed(1000)
	h.events = feed.Subscribe(0)
	log := slog.New(slog.DiscardHandler)
	applied := make(chan error, 1000) // more than any test applies: control must not block
	fast := actors.Backoff{First: time.Millisecond, Max: 20 * time.Millisecond, Window: time.Minute}
	parking := fast
	parking.GiveUp = 3
	system, err := actors.Start(actors.Config{Upstreams: parking, Others: fast}, actors.Deps{
		Source:   literals(t),
		Registry: h.registry, Prepare: func(messages.Desired) (func(), error) { return func() {}, nil },
		Applied:  func(_ messages.Desired, err error) { applied <- err },
		Notifier: notifier.Config{Prefix: "weir", Member: "a", Incarnation: "1"},
		NotifierDeps: notifier.Deps{Feed: feed, Logger: log,
			Publish: func(string, map[string]string, []byte) error { return nil }},
		Retire: h.ask("retire"), Cut: h.ask("cut"),
		Logger: log, Middleware: []actor.ReceiverMiddleware{h.watch},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.system, h.applied = system, applied
	t.Cleanup(func() {
		h.events.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	h.apply(desired(t, h.peer(), h.peer()))
	h.eventually("both upstreams are healthy", func() bool { return h.healthy("web") == 2 && h.healthy("other") == 2 })
	return h
}

func (h *house) peer() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	h.t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func desired(t *testing.T, a, b string) messages.Desired {
	t.Helper()
	spec := func(name string) messages.UpstreamSpec {
		return messages.UpstreamSpec{Name: name, Algo: messages.Algo{Kind: messages.RoundRobin},
			Addrs:  messages.ListOf(messages.PeerSpec{Addr: a, Weight: 1}, messages.PeerSpec{Addr: b, Weight: 1}),
			Limits: messages.Limits{Queue: 10, QueueTimeout: time.Second},
			Check: messages.CheckSpec{Kind: messages.CheckTCP, Frequency: 100 * time.Millisecond, Success: 1, Failure: 2,
				ConnectionTimeout: time.Second, ReadTimeout: time.Second}}
	}
	return messages.Desired{Upstreams: messages.ListOf(spec("web"), spec("other"))}
}

func (h *house) watch(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
		switch envelope.Message.(type) {
		case *actor.Started:
			h.mu.Lock()
			h.starts[c.Self().Id]++
			h.mu.Unlock()
		case bomb:
			panic("bomb")
		}
		next(c, envelope)
	}
}

func (h *house) ask(what string) func(upstream, addr string) {
	return func(upstream, addr string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.asks = append(h.asks, what+" "+upstream+" "+addr)
	}
}

func (h *house) asked(line string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Contains(h.asks, line)
}

// member tells whether the snapshot of an upstream has a peer.
func (h *house) member(upstream, addr string) bool {
	s := h.registry.Ref(upstream).Snapshot()
	return s != nil && slices.ContainsFunc(s.Members(), func(m balance.Member) bool { return m.Peer.Addr() == addr })
}

func (h *house) startsOf(id string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.starts[id]
}

func (h *house) prober(upstream string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.starts {
		if strings.HasPrefix(id, "system/upstreams/"+upstream+"/health/") {
			return id
		}
	}
	h.t.Fatalf("no prober of %s", upstream)
	return ""
}

func (h *house) healthy(upstream string) int {
	s := h.registry.Ref(upstream).Snapshot()
	if s == nil {
		return 0
	}
	n := 0
	for _, m := range s.Members() {
		if m.Available && m.Peer.Verdict() == messages.Healthy {
			n++
		}
	}
	return n
}

func (h *house) eventually(what string, cond func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited 20s until %s; events: %s", what, strings.Join(h.drain(), ", "))
		}
		<-ticker.C
	}
}

func (h *house) drain() []string {
	for {
		select {
		case r := <-h.events.C:
			var e struct{ Upstream, Change, Peer, To, Actor string }
			if err := json.Unmarshal(r.Body, &e); err != nil {
				h.t.Fatal(err)
			}
			h.seen = append(h.seen, strings.Join(strings.Fields(fmt.Sprint(r.Type, " ", e.Upstream, e.Actor, " ", e.Change, e.Peer, " ", e.To)), " "))
		default:
			return h.seen
		}
	}
}

func (h *house) saw(event string) bool {
	for _, e := range h.drain() {
		if e == event {
			return true
		}
	}
	return false
}

func (h *house) traffic() (stop func() (asks, failed uint64)) {
	var asks, failed atomic.Uint64
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, name := range []string{"web", "other"} {
		ref := h.registry.Ref(name)
		for range 4 {
			wg.Go(func() {
				ask := &balance.Ask{}
				for {
					select {
					case <-done:
						return
					default:
					}
					asks.Add(1)
					ask.Reset()
					peer, err := ref.Acquire(ask)
					if err != nil {
						failed.Add(1)
						continue
					}
					ref.Release(peer, balance.Outcome{Latency: time.Millisecond})
				}
			})
		}
	}
	return func() (uint64, uint64) {
		close(done)
		wg.Wait()
		return asks.Load(), failed.Load()
	}
}

func (h *house) counters(upstream string) (requests uint64, inFlight int64) {
	for _, m := range h.registry.Ref(upstream).Snapshot().Members() {
		requests += m.Peer.Requests()
		inFlight += m.Peer.InFlight()
	}
	return requests, inFlight
}

func (h *house) probedSince(upstream string, since time.Time) bool {
	for _, m := range h.registry.Ref(upstream).Snapshot().Members() {
		if r, ok := m.Peer.LastProbe(); !ok || !r.At.After(since) {
			return false
		}
	}
	return true
}

// apply applies a state and waits until it is in force.
func (h *house) apply(d messages.Desired) {
	h.t.Helper()
	h.system.Apply(d)
	if err := <-h.applied; err != nil {
		h.t.Fatal(err)
	}
}

// stop stops the tree, once.
func (h *house) stop(ctx context.Context) error {
	if h.stopped {
		return nil
	}
	h.stopped = true
	return h.system.Stop(ctx)
}
