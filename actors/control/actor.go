package control

import (
	"log/slog"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of control. All are required.
type Deps struct {
	// Upstreams is the manager.
	Upstreams *actor.PID
	// Announce makes requests to an upstream wait for its first peers. It is
	// called before a new upstream is ensured.
	Announce func(messages.UpstreamSpec)
	// Route puts routes in force, or refuses them and changes nothing.
	Route func(messages.Desired) error
	// Applied is told the outcome of each Desired.
	Applied func(messages.Desired, error)
	Logger  *slog.Logger
}

// Props returns the props of control.
func Props(deps Deps) *actor.Props {
	inForce := new(atomic.Pointer[messages.Desired]) // outlives incarnations
	return actor.PropsFromProducer(func() actor.Actor { return &control{deps: deps, inForce: inForce} })
}

type control struct {
	deps    Deps
	inForce *atomic.Pointer[messages.Desired]
}

func (a *control) Receive(c actor.Context) {
	switch msg := c.Message().(type) {
	case *actor.Started:
		if last := a.inForce.Load(); last != nil {
			// The data path took this state before.
			if err := a.apply(c, messages.Desired{}, *last); err != nil {
				a.deps.Logger.Error("state in force refused after a restart", "error", err)
			}
		}
	case *actor.Stopping, *actor.Restarting, *actor.Stopped:
	case messages.Desired:
		var old messages.Desired
		if last := a.inForce.Load(); last != nil {
			old = *last
		}
		a.deps.Applied(msg, a.apply(c, old, msg))
	default:
		a.deps.Logger.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(msg))
	}
}

// apply makes desired the state in force, coming from old.
func (a *control) apply(c actor.Context, old, desired messages.Desired) error {
	before, after := plan(old, desired)
	for _, ensure := range before {
		a.deps.Announce(ensure.Spec)
		c.Send(a.deps.Upstreams, ensure)
	}
	if err := a.deps.Route(desired); err != nil {
		undo, drop := plan(desired, old)
		for _, ensure := range undo {
			c.Send(a.deps.Upstreams, ensure)
		}
		for _, remove := range drop {
			c.Send(a.deps.Upstreams, remove)
		}
		return err
	}
	a.inForce.Store(&desired)
	for _, remove := range after {
		c.Send(a.deps.Upstreams, remove)
	}
	return nil
}
