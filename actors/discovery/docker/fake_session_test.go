package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

// fakeEngine is an engine made of values: what it is told to have, it lists.
type fakeEngine struct {
	mu         sync.Mutex
	containers map[string]*container
	down       error
	hangs      map[string]bool // inspections of these never answer
	fails      map[string]error
	stream     *fakeSession
	dials      int
	lists      int
	inspects   map[string]int
	sinces     []int64
	clock      int64
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{containers: map[string]*container{}, hangs: map[string]bool{}, fails: map[string]error{}, inspects: map[string]int{}, clock: 1000}
}

type fakeSession struct {
	engine *fakeEngine
	out    chan event
	ended  error
}

func (f *fakeEngine) dial(_ context.Context, since int64) (session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials++
	f.sinces = append(f.sinces, since)
	if f.down != nil {
		return nil, f.down
	}
	f.stream = &fakeSession{engine: f, out: make(chan event, 1000)}
	return f.stream, nil
}

func (s *fakeSession) events() <-chan event { return s.out }
func (s *fakeSession) err() error           { return s.ended }
func (s *fakeSession) version() string      { return "1.41" }
func (s *fakeSession) remote() netip.Addr   { return netip.Addr{} }
func (s *fakeSession) close()               {}

func (s *fakeSession) list(context.Context) ([]*container, error) {
	f := s.engine
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if f.down != nil {
		return nil, f.down
	}
	var list []*container
	for _, c := range f.containers {
		seen := *c
		seen.details = nil
		list = append(list, &seen)
	}
	return list, nil
}

func (s *fakeSession) inspect(ctx context.Context, id string) (*container, error) {
	f := s.engine
	f.mu.Lock()
	c, hangs, err := f.containers[id], f.hangs[id], f.fails[id]
	f.inspects[id]++
	f.mu.Unlock()
	switch {
	case hangs:
		<-ctx.Done()
		return nil, ctx.Err()
	case err != nil:
		return nil, err
	case c == nil:
		return nil, errGone
	}
	seen := *c
	return &seen, nil
}

// has puts a container there without a word.
func (f *fakeEngine) has(c *container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.containers[c.id] = c
}

// lacks takes one away without a word.
func (f *fakeEngine) lacks(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.containers, id)
}

// says sends an event about a container.
func (f *fakeEngine) says(id, action string, signal ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock++
	ev := event{container: id, action: action, at: f.clock}
	if c := f.containers[id]; c != nil {
		ev.labels = c.labels
	}
	if len(signal) > 0 {
		ev.signal = signal[0]
	}
	f.stream.out <- ev
}

// cut ends the stream.
func (f *fakeEngine) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stream.ended = errStreamEnded
	close(f.stream.out)
}

var errDown = errors.New("no engine there")

func (f *fakeEngine) goDown(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

// fresh returns a running container that is fine, with labels such as app, web.
func fresh(id string, n int, labels ...string) *container {
	c := &container{id: id, name: "name-" + id, labels: map[string]string{}, created: int64(n), state: stateRunning, networkMode: "default",
		networks: []endpoint{{name: "bridge", id: "net0", addr: netip.MustParseAddr(fmt.Sprintf("172.17.%d.%d", n/250, n%250+2)), gateway: netip.MustParseAddr("172.17.0.1")}},
		details:  &details{stopSignal: sigterm, stopTimeout: defaultStopTimeout, exposed: []int{8080}, startedAt: 1}}
	for i := 0; i < len(labels); i += 2 {
		c.labels[labels[i]] = labels[i+1]
	}
	return c
}

// hostAround is weir on the engine's machine, where docker0 is.
func hostAround() surroundings {
	return surroundings{local: []netip.Prefix{netip.MustParsePrefix("172.17.0.1/16")}}
}

// inBubble runs a test against a fake engine on a fake clock.
func inBubble(t *testing.T, cfg Config, test func(t *testing.T, e *Engine, f *fakeEngine, start func())) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := cfg.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		f := newFakeEngine()
		e := newEngine(cfg, f.dial, hostAround)
		ctx, cancel := context.WithCancel(t.Context())
		started := false
		test(t, e, f, func() {
			started = true
			go func() { _ = e.Run(ctx) }()
		})
		cancel()
		if started {
			<-e.Done()
		}
	})
}

// plain is a configuration that the environment of the test has no part in.
func plain() Config { return Config{Getenv: func(string) string { return "" }} }

func mustSubscribe(t *testing.T, e *Engine, selectors ...string) *Subscription {
	t.Helper()
	var parsed []Selector
	for _, text := range selectors {
		s, err := ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, s)
	}
	sub, err := e.Subscribe(parsed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return sub
}

// pass lets time go by on the bubble's clock, and all come to rest that it moves.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// settle lets time go by and returns the set that waits then; ok = there is one.
func settle(sub *Subscription, d time.Duration) (Set, bool) {
	pass(d)
	select {
	case set := <-sub.Sets():
		return set, true
	default:
		return Set{}, false
	}
}

func addrs(set Set) string { return fmt.Sprint(messages.ListOf(set.Peers...).Slice()) }
