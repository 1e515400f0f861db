package control_test

import (
	"errors"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/actors/control"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

var errRefused = errors.New("refused")

// log notes what control does, in order. Its users run on control's goroutine;
// the test reads after an outcome came.
type log struct{ lines []string }

// scene is a control whose collaborators write a log. The manager is the parent.
type scene struct {
	parent   *actortest.Parent
	pid      *actor.PID
	log      *log
	outcomes chan error
}

func newScene(t *testing.T, route func(messages.Desired) error) scene {
	t.Helper()
	s := scene{parent: actortest.NewParent(t, actortest.System(), actortest.Config{}), log: &log{}, outcomes: make(chan error, 10)}
	s.pid = s.parent.Spawn(t, control.Props(control.Deps{
		Upstreams: s.parent.PID(),
		Want:      func(u messages.UpstreamSpec) { s.log.lines = append(s.log.lines, "want "+u.Name) },
		Unwant:    func(name string) { s.log.lines = append(s.log.lines, "unwant "+name) },
		Prepare: func(d messages.Desired) (func(), error) {
			return func() { s.log.lines = append(s.log.lines, "route") }, route(d)
		},
		Applied: func(_ messages.Desired, err error) { s.outcomes <- err },
		Logger:  actortest.Quiet(),
	}), "control")
	return s
}

// apply sends a state of the upstreams named and returns the outcome.
func (s scene) apply(names ...string) error {
	var specs []messages.UpstreamSpec
	for _, n := range names {
		specs = append(specs, messages.UpstreamSpec{Name: n})
	}
	s.parent.Send(s.pid, messages.Desired{Upstreams: messages.ListOf(specs...)})
	return <-s.outcomes
}

// told returns what the manager was told so far. One more message makes sure that all has arrived.
func (s scene) told(t *testing.T) []string {
	t.Helper()
	arrived := make(chan struct{})
	s.parent.Do(func(actor.Context) { close(arrived) })
	<-arrived
	var told []string
	for _, m := range actortest.All[messages.Message](s.parent) {
		switch m := m.(type) {
		case messages.EnsureUpstream:
			told = append(told, "+"+m.Spec.Name)
		case messages.RemoveUpstream:
			told = append(told, "-"+m.Name)
		}
	}
	return told
}

func accept(messages.Desired) error { return nil }

func TestEnsuresBeforeItRoutesAndRemovesAfter(t *testing.T) {
	s := newScene(t, accept)
	for _, names := range [][]string{{"a", "b"}, {"b", "c"}, {"b", "c"}} {
		if err := s.apply(names...); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"+a", "+b", "+c", "-a"}, s.told(t)); diff != "" {
		t.Errorf("told the manager (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"want a", "want b", "route", "want c", "route", "unwant a", "route"}, s.log.lines); diff != "" {
		t.Errorf("did (-want +got):\n%s", diff)
	}
}

func TestARefusedStateLeavesNothingBehind(t *testing.T) {
	s := newScene(t, func(d messages.Desired) error {
		if d.Upstreams.Len() == 2 {
			return errRefused
		}
		return nil
	})
	if err := s.apply("a"); err != nil {
		t.Fatal(err)
	}
	if err := s.apply("b", "c"); !errors.Is(err, errRefused) {
		t.Fatalf("got %v, want the refusal", err)
	}
	if err := s.apply("a"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"+a"}, s.told(t)); diff != "" {
		t.Errorf("told the manager (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"want a", "route", "route"}, s.log.lines); diff != "" {
		t.Errorf("did (-want +got):\n%s", diff)
	}
}

func TestACrashWhileApplyingIsAnswered(t *testing.T) {
	s := newScene(t, func(d messages.Desired) error {
		if d.Upstreams.Len() == 2 {
			panic("bug")
		}
		return nil
	})
	if err := s.apply("a", "b"); !errors.Is(err, control.ErrCrashed) {
		t.Errorf("got %v, want %v", err, control.ErrCrashed)
	}
	if err := s.apply("a"); err != nil {
		t.Errorf("after the crash: %v", err)
	}
}
