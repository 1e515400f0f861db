package discovery

import (
	"context"
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

// Props returns the props of one upstream's discoverer.
func Props(deps Deps) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &discoverer{deps: deps} })
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

	want     messages.Discover
	look     uint64 // number of the latest look
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
	switch msg := c.Message().(type) {
	case *actor.Started, *actor.Stopped:
	case *actor.Stopping, *actor.Restarting:
		d.stop()
	case messages.Discover:
		d.stop()
		d.want, d.failures, d.sent = msg, 0, false
		d.start(c)
	case messages.Starving:
		if !d.inFlight && d.failures > 0 && time.Since(d.lastLook) >= starvingPause {
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
		found, err := source.Find(ctx, spec)
		root.Send(self, looked{look: look, found: found, err: err})
	}()
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
		c.Send(c.Parent(), messages.PeersFound{Upstream: d.want.Spec.Name, Gen: d.want.Gen, Peers: messages.ListOf(peers...)})
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
