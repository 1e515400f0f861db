package actors_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/actors"
	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// peersEach is how many peers each upstream of a fleet has.
const peersEach = 10

// fleet is a tree with many upstreams.
type fleet struct {
	registry *balance.Registry
	system   *actors.System
	applied  chan error
	// gens are the generations of the upstreams, by name.
	gens sync.Map
}

func newFleet(tb testing.TB) *fleet {
	tb.Helper()
	f := &fleet{registry: balance.NewRegistry(), applied: make(chan error, 1)}
	feed := notifier.NewFeed(1000)
	system, err := actors.Start(actors.Config{}, actors.Deps{
		Source:   literals(tb),
		Registry: f.registry, Prepare: func(messages.Desired) (func(), error) { return func() {}, nil },
		Applied:  func(_ messages.Desired, err error) { f.applied <- err },
		Notifier: notifier.Config{Prefix: "weir", Member: "a", Incarnation: "1"},
		NotifierDeps: notifier.Deps{Feed: feed, Logger: slog.New(slog.DiscardHandler),
			Publish: func(string, map[string]string, []byte) error { return nil }},
		Logger: slog.New(slog.DiscardHandler), Middleware: []actor.ReceiverMiddleware{f.listen},
	})
	if err != nil {
		tb.Fatal(err)
	}
	f.system = system
	tb.Cleanup(func() {
		// A stop of 100,000 actors may take longer than the 10 s that a future lives.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := system.Stop(ctx); err != nil {
			tb.Errorf("stop: %v", err)
		}
	})
	return f
}

// listen notes the generation that each upstream gives its discoverer.
func (f *fleet) listen(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
		if m, ok := envelope.Message.(messages.Discover); ok {
			f.gens.Store(m.Spec.Name, m.Gen)
		}
		next(c, envelope)
	}
}

func (f *fleet) apply(tb testing.TB, d messages.Desired) {
	tb.Helper()
	f.system.Apply(d)
	if err := <-f.applied; err != nil {
		tb.Fatal(err)
	}
}

// until waits for a condition.
func (f *fleet) until(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited 2 min until %s", what)
		}
		runtime.Gosched()
	}
}

// serving tells whether all of n upstreams serve all their peers.
func (f *fleet) serving(n int) func() bool {
	next := 0
	return func() bool {
		for ; next < n; next++ {
			if s := f.registry.Ref(fleetName(next)).Snapshot(); s == nil || s.Len() != peersEach || s.State() != messages.StateHealthy {
				return false
			}
		}
		return true
	}
}

func fleetName(i int) string { return fmt.Sprintf("u%05d", i) }

// fleetOf returns n upstreams, sorted by name, whose peers have addresses of
// their own: 127.x.y.z, which one listener serves.
func fleetOf(n int, check messages.CheckSpec, port int) []messages.UpstreamSpec {
	specs := make([]messages.UpstreamSpec, n)
	for i := range specs {
		peers := make([]messages.PeerSpec, peersEach)
		for j := range peers {
			at := i*peersEach + j + 256
			peers[j] = messages.PeerSpec{Addr: fmt.Sprintf("127.%d.%d.%d:%d", at>>16+1, at>>8&255, at&255, port), Weight: 1}
		}
		specs[i] = messages.UpstreamSpec{Name: fleetName(i), Algo: messages.Algo{Kind: messages.RoundRobin}, Addrs: messages.ListOf(peers...),
			Limits: messages.Limits{Queue: 1000, QueueTimeout: 5 * time.Second}, Check: check}
	}
	return specs
}

func off() messages.CheckSpec { return messages.CheckSpec{Kind: messages.CheckOff} }

// BenchmarkOneChange applies a state of N upstreams of which one changed, and
// waits until the change is in force: allocations must not grow with N.
func BenchmarkOneChange(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFleet(b)
			specs := fleetOf(n, off(), 80)
			var states [2]messages.Desired
			states[0] = messages.Desired{Upstreams: messages.ListOf(specs...)}
			specs[n/2].Limits.MaxRequests = 7
			states[1] = messages.Desired{Upstreams: messages.ListOf(specs...)}
			f.apply(b, states[0])
			f.until(b, "all serve", f.serving(n))
			ref := f.registry.Ref(fleetName(n / 2))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				f.apply(b, states[(i+1)%2])
				want := 7 * ((i + 1) % 2)
				f.until(b, "the change is in force", func() bool { return ref.Snapshot().Policy().Limits.MaxRequests == want })
			}
		})
	}
}

// BenchmarkOneFlip lets one peer of one of N upstreams flip, and waits until
// the snapshot follows: allocations must not grow with N.
func BenchmarkOneFlip(b *testing.B) {
	// Probes that come once a day leave the flips to the benchmark.
	check := messages.CheckSpec{Kind: messages.CheckTCP, Frequency: 24 * time.Hour, Success: 1, Failure: 1}
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFleet(b)
			port := acceptAll(b)
			f.apply(b, messages.Desired{Upstreams: messages.ListOf(fleetOf(n, check, port)...)})
			f.until(b, "all serve", f.serving(n))
			f.until(b, "all are probed", f.probed(n))
			name := fleetName(n / 2)
			ref := f.registry.Ref(name)
			addr := ref.Snapshot().Members()[0].Peer.Addr()
			verdicts := [2]messages.Verdict{messages.Unhealthy, messages.Healthy}
			gen, _ := f.gens.Load(name)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				f.system.Tell("system/upstreams/"+name, messages.VerdictReached{Upstream: name, Gen: gen.(uint64), Addr: addr,
					Verdict: verdicts[i%2], Code: messages.CodeOK, At: time.Now()})
				want := peersEach - 1 + i%2
				f.until(b, "the snapshot follows", func() bool { return ref.Snapshot().Available() == want })
			}
		})
	}
}

// probed tells whether all peers of n upstreams have a verdict.
func (f *fleet) probed(n int) func() bool {
	next := 0
	return func() bool {
		for ; next < n; next++ {
			if !f.registry.Ref(fleetName(next)).Settled() {
				return false
			}
		}
		return true
	}
}

// acceptAll serves every address of loopback on one port, and returns it.
func acceptAll(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		tb.Fatal(err)
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
	tb.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port
}

// BenchmarkIdle measures what an idle upstream of ten peers takes: bytes in use
// (heap and stacks), and goroutines. Run it with -benchtime=1x.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("%d/off", n), func(b *testing.B) { measureIdle(b, n, off()) })
		b.Run(fmt.Sprintf("%d/tcp", n), func(b *testing.B) {
			measureIdle(b, n, messages.CheckSpec{Kind: messages.CheckTCP, Frequency: time.Hour, Success: 1, Failure: 2})
		})
	}
}

func measureIdle(b *testing.B, n int, check messages.CheckSpec) {
	for range b.N {
		f := newFleet(b)
		port := acceptAll(b)
		desired := messages.Desired{Upstreams: messages.ListOf(fleetOf(n, check, port)...)}
		before, goroutines := inUse(), runtime.NumGoroutine()
		f.apply(b, desired)
		f.until(b, "all serve", f.serving(n))
		if check.Kind != messages.CheckOff {
			f.until(b, "all are probed", f.probed(n))
		}
		b.ReportMetric((inUse()-before)/float64(n), "B/upstream")
		b.ReportMetric((inUse()-before)/float64(n*peersEach), "B/peer")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(n), "goroutines/upstream")
		runtime.KeepAlive(desired)
	}
}

// inUse returns the bytes in use by heap and stacks.
func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
