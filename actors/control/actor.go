package control

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/messages"
)

// ErrCrashed is returned when control crashed as it applied a state, which may be in force in part.
var ErrCrashed = errors.New("control crashed")

// Deps are the collaborators of control. All are required.
type Deps struct {
	// Upstreams is the manager.
	Upstreams *actor.PID
	// Want and Unwant note what is wanted, before the manager is told.
	Want   func(messages.UpstreamSpec)
	Unwant func(name string)
	// Prepare builds the routes of a state, or refuses them and changes nothing;
	// commit puts them in force.
	Prepare func(messages.Desired) (commit func(), err error)
	// Applied is told the outcome of each Desired: its layer, with the upstreams
	// and routes of all layers together.
	Applied func(messages.Desired, error)
	Logger  *slog.Logger
}

// Props returns the props of control.
func Props(deps Deps) *actor.Props {
	inForce := new(atomic.Pointer[state]) // outlives incarnations
	return actor.PropsFromProducer(func() actor.Actor { return &control{deps: deps, inForce: inForce} })
}

type control struct {
	deps    Deps
	inForce *atomic.Pointer[state]
}

// state is what is in force: what each layer desires, and all of it together.
type state struct {
	layers
	merged messages.Desired
}

func (a *control) Receive(c actor.Context) {
	switch msg := c.Message().(type) {
	case *actor.Started:
		if last := a.inForce.Load(); last != nil {
			// The data path took this state before.
			if err := a.apply(c, state{}, *last); err != nil {
				a.deps.Logger.Error("state in force refused after a restart", "error", err)
			}
		}
	case *actor.Stopping, *actor.Restarting, *actor.Stopped:
	case messages.Desired:
		a.take(c, msg)
	default:
		a.deps.Logger.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(msg))
	}
}

// take applies what a layer desires and tells the outcome, a crash included.
func (a *control) take(c actor.Context, desired messages.Desired) {
	var old state
	if last := a.inForce.Load(); last != nil {
		old = *last
	}
	next := state{layers: old.layers.with(desired)}
	defer func() {
		if reason := recover(); reason != nil {
			a.deps.Applied(told(desired, next.merged), fmt.Errorf("%w: %v", ErrCrashed, reason))
			panic(reason)
		}
	}()
	next.merged = next.merge()
	a.deps.Applied(told(desired, next.merged), a.apply(c, old, next))
}

// told is the merged state, as the outcome of what one layer desired.
func told(desired, merged messages.Desired) messages.Desired {
	merged.Layer = desired.Layer
	return merged
}

// apply makes next the state in force, coming from old.
func (a *control) apply(c actor.Context, old, next state) error {
	commit, err := a.deps.Prepare(next.merged)
	if err != nil {
		return err
	}
	var gone []string
	plan(old.merged.Upstreams, next.merged.Upstreams, func(spec messages.UpstreamSpec) {
		a.deps.Want(spec)
		c.Send(a.deps.Upstreams, messages.EnsureUpstream{Spec: spec})
	}, func(name string) { gone = append(gone, name) })
	commit()
	a.inForce.Store(&next)
	for _, name := range gone {
		a.deps.Unwant(name)
		c.Send(a.deps.Upstreams, messages.RemoveUpstream{Name: name})
	}
	return nil
}
