package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of a discoverer.
type Deps struct {
	// Source is asked for the peers. It outlives the actor's incarnations, and
	// so does what it remembers.
	Source Source
	Logger *slog.Logger
}

// Props returns the props of one upstream's discoverer. They remember what to
// look for, so that a restarted discoverer goes on by itself; one actor at a
// time may run of them.
func Props(deps Deps) *actor.Props {
	memory := &memory{}
	return actor.PropsFromProducer(func() actor.Actor { return &discoverer{deps: deps, memory: memory} })
}

// memory is what outlives an incarnation.
type memory struct {
	want   messages.Discover
	wanted bool
	// look is the number of the latest look: results of an earlier incarnation's are told apart.
	look uint64
}

// Private messages: when to look, and what a look found. look tells looks apart.
type (
	tick   struct{ look uint64 }
	looked struct {
		look  uint64
		found Found
		err   error
	}
)

type discoverer struct {
	deps Deps
	*memory

	closing  bool
	inFlight bool
	cancel   context.CancelFunc
	done     chan struct{}
	timer    scheduler.CancelFunc

	failures int
	sent     bool
	last     []messages.PeerSpec
	lastLook time.Time
}

func (d *discoverer) Receive(c actor.Context) {
	if d.closing {
		return
	}
	switch msg := c.Message().(type) {
	case *actor.Started:
		if d.wanted {
			d.start(c)
		}
	case *actor.Stopping, *actor.Restarting:
		d.closing = true
		d.stop()
	case messages.Discover:
		d.want, d.wanted, d.failures, d.sent = msg, true, 0, false
		d.start(c)
	case messages.Starving:
		if d.wanted && !d.inFlight && time.Since(d.lastLook) >= starvingPause {
			d.start(c)
		}
	case tick:
		if msg.look == d.look && !d.inFlight {
			d.start(c)
		}
	case looked:
		if msg.look == d.look {
			d.finish(c, msg)
		}
	default:
		d.deps.Logger.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(msg))
	}
}

// start begins a look in its own goroutine, which tells its result to the actor.
func (d *discoverer) start(c actor.Context) {
	d.stop()
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	d.look++
	d.inFlight, d.cancel, d.done, d.lastLook = true, cancel, make(chan struct{}), time.Now()
	root, self := c.ActorSystem().Root, c.Self()
	source, spec, look, done := d.deps.Source, d.want.Spec, d.look, d.done
	go func() {
		defer close(done)
		found, err := find(ctx, source, spec)
		root.Send(self, looked{look: look, found: found, err: err})
	}()
}

// find looks. A panic of the source is a failed look: what it reads comes from outside.
func find(ctx context.Context, source Source, spec messages.UpstreamSpec) (found Found, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			found, err = Found{}, fmt.Errorf("%w: %v", ErrSourcePanic, reason)
		}
	}()
	return source.Find(ctx, spec)
}

// finish takes the result of the latest look.
func (d *discoverer) finish(c actor.Context, result looked) {
	d.inFlight = false
	d.cancel()
	peers, again := result.found.Peers, result.found.Again
	recovered := result.err == nil && d.failures > 0
	known := result.err == nil || len(peers) > 0
	if known && (recovered || !d.sent || !slices.Equal(peers, d.last)) {
		d.sent, d.last = true, slices.Clone(peers)
		c.Send(c.Parent(), messages.PeersFound{Upstream: d.want.Spec.Name, Gen: d.want.Gen,
			Peers: messages.ListOf(peers...), Partial: result.err != nil})
	}
	if result.err != nil {
		d.failures++
		again = retryAfter(d.failures)
		c.Send(c.Parent(), messages.DiscoveryFailed{Upstream: d.want.Spec.Name, Gen: d.want.Gen, Detail: result.err.Error()})
	} else {
		d.failures = 0
	}
	if again > 0 {
		d.timer = scheduler.NewTimerScheduler(c.ActorSystem().Root).SendOnce(again, c.Self(), tick{look: d.look})
	}
}

// stop ends the look in flight, if any, waits for it, and drops the timer.
func (d *discoverer) stop() {
	if d.timer != nil {
		d.timer()
		d.timer = nil
	}
	if d.inFlight {
		d.inFlight = false
		d.cancel()
		<-d.done
	}
}
