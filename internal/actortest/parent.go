package actortest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Config sets a Parent up. The zero Config is fine.
type Config struct {
	// Supervisor decides about children that panic; nil = protoactor's default,
	// restart at once, stop after ten failures in 10 s.
	Supervisor actor.SupervisorStrategy
	// Within is how long waiting lasts before the test fails; 0 = 10s.
	Within time.Duration
}

// Parent is an actor that has children under test and records every message
// that it gets, *actor.Terminated of its children included. All its methods are
// for the test's goroutine.
type Parent struct {
	system *actor.ActorSystem
	pid    *actor.PID
	within time.Duration

	mu      sync.Mutex
	all     []any
	pending []any         // those of all that no Await took
	changed chan struct{} // closed and replaced at each message
}

// NewParent starts a Parent in system and stops it, with its children, when the
// test ends.
func NewParent(t testing.TB, system *actor.ActorSystem, cfg Config) *Parent {
	t.Helper()
	p := &Parent{system: system, within: cfg.Within, changed: make(chan struct{})}
	if p.within == 0 {
		p.within = 10 * time.Second
	}
	props := actor.PropsFromFunc(p.receive)
	if cfg.Supervisor != nil {
		props = props.Clone(actor.WithSupervisor(cfg.Supervisor))
	}
	p.pid = system.Root.SpawnPrefix(props, "parent-")
	t.Cleanup(func() { p.Stop(t, p.pid) })
	return p
}

// PID returns the parent's PID, for an actor that sends to an address it was given.
func (p *Parent) PID() *actor.PID { return p.pid }

// Spawn starts a child and returns its PID; a taken name fails the test.
func (p *Parent) Spawn(t testing.TB, props *actor.Props, name string) *actor.PID {
	t.Helper()
	type spawned struct {
		pid *actor.PID
		err error
	}
	reply := make(chan spawned, 1)
	p.Do(func(c actor.Context) {
		pid, err := c.SpawnNamed(props, name)
		reply <- spawned{pid, err}
	})
	got := <-reply
	if got.err != nil {
		t.Fatalf("spawn %q: %v", name, got.err)
	}
	return got.pid
}

// Do has fn run as the parent: c is its context, and valid only within fn. Do
// does not wait for it.
func (p *Parent) Do(fn func(c actor.Context)) { p.system.Root.Send(p.pid, do{fn}) }

// Send sends a message to a child.
func (p *Parent) Send(pid *actor.PID, message any) { p.system.Root.Send(pid, message) }

// Stop stops an actor and returns when it has ended. An actor that does not
// within 10 s fails the test.
func (p *Parent) Stop(t testing.TB, pid *actor.PID) {
	t.Helper()
	if err := p.system.Root.StopFuture(pid).Wait(); err != nil {
		t.Errorf("stop %s: %v", pid.Id, err)
	}
}

// do asks the parent to run a function.
type do struct{ fn func(actor.Context) }

func (p *Parent) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	case do:
		m.fn(c)
	default:
		p.record(m)
	}
}

func (p *Parent) record(message any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, message)
	p.pending = append(p.pending, message)
	close(p.changed)
	p.changed = make(chan struct{})
}

// Await waits for a message of type T that matches (nil = any), consumes it and
// returns it: the next Await does not see it again. Messages before it that do
// not match stay. It fails the test when none came in time.
func Await[T any](t testing.TB, p *Parent, match func(T) bool) T {
	t.Helper()
	deadline := time.NewTimer(p.within)
	defer deadline.Stop()
	for {
		found, ok, changed := take(p, match)
		if ok {
			return found
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("no matching %T within %v; recorded: %s", found, p.within, p.describe())
		}
	}
}

// All returns every message of type T so far, consumed or not, in order.
func All[T any](p *Parent) []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []T
	for _, message := range p.all {
		if m, ok := message.(T); ok {
			found = append(found, m)
		}
	}
	return found
}

func take[T any](p *Parent, match func(T) bool) (T, bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, message := range p.pending {
		m, ok := message.(T)
		if ok && (match == nil || match(m)) {
			p.pending = append(p.pending[:i:i], p.pending[i+1:]...)
			return m, true, nil
		}
	}
	var none T
	return none, false, p.changed
}

func (p *Parent) describe() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, message := range p.all[max(0, len(p.all)-20):] {
		fmt.Fprintf(&b, "\n  %T %+v", message, message)
	}
	return b.String()
}
