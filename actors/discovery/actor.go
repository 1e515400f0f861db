package discovery

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of a discoverer.
type Deps struct {
	// Source is asked for the peers. It outlives the actor's incarnations, and
	// so does what it remembers.
	Source Source
	// Record is told what came of each look; it must not block. nil = nobody.
	Record func(upstream string, r balance.DiscoveryRecord)
	Logger *slog.Logger
}

// Props returns the props of one upstream's discoverer. They remember what to
// look for, so that a restarted discoverer goes on by itself; one actor at a
// time may run of them.
func Props(deps Deps) *actor.Props {
	if deps.Record == nil {
		deps.Record = func(string, balance.DiscoveryRecord) {}
	}
	memory := &memory{}
	return actor.PropsFromProducer(func() actor.Actor { return &discoverer{deps: deps, memory: memory} })
}

// memory is what outlives an incarnation.
type memory struct {
	want   messages.Discover
	wanted bool
	// look is the number of the latest look: results of an earlier incarnation's are told apart.
	look   uint64
	record balance.DiscoveryRecord
	// outdated: what was found last is not what is wanted by now.
	outdated bool
}

// Private messages: when to look, what a look knows so far, and what it found.
// look tells looks apart.
type (
	tick  struct{ look uint64 }
	early struct {
		look  uint64
		found Found
	}
	looked struct {
		look  uint64
		found Found
		err   error
	}
)

type discoverer struct {
	deps Deps
	*memory

	closing bool
	// looking is the look in flight, waiting waits for Found.Changed; nil = none.
	looking, waiting *errand
	timer            scheduler.CancelFunc

	failures int
	told     told
	lastLook time.Time
}

func (d *discoverer) Receive(c actor.Context) {
	if d.closing {
		return
	}
	switch msg := c.Message().(type) {
	case *actor.Started:
		if d.wanted {
			d.start(c, false)
		}
	case *actor.Restarting: // what the source holds is for the next incarnation
		d.closing = true
		d.stop()
	case *actor.Stopping:
		d.closing = true
		d.stop()
		if releaser, ok := d.deps.Source.(Releaser); ok && d.wanted {
			releaser.Release(d.want.Spec.Name)
		}
	case messages.Discover:
		switch was := d.want.Spec; {
		case msg.Spec.Name != was.Name:
			d.record, d.outdated = balance.DiscoveryRecord{}, false
		case !messages.EqualLists(msg.Spec.Addrs, was.Addrs) || !msg.Spec.Discovery.Equal(was.Discovery):
			d.outdated = d.outdated || !d.record.LastSuccess.IsZero()
			d.record = balance.DiscoveryRecord{}
		}
		d.want, d.wanted, d.failures, d.told = msg, true, 0, told{}
		d.start(c, false)
	case messages.Starving:
		if d.wanted && d.looking == nil && time.Since(d.lastLook) >= starvingPause {
			d.start(c, true)
		}
	case tick:
		if msg.look == d.look && d.looking == nil {
			d.start(c, false)
		}
	case early:
		if msg.look == d.look && d.looking != nil {
			d.tell(c, msg.found, true)
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
func (d *discoverer) start(c actor.Context, atOnce bool) {
	d.stop()
	d.look++
	d.lastLook = time.Now()
	root, self, number := c.ActorSystem().Root, c.Self(), d.look
	source, look := d.deps.Source, Look{Spec: d.want.Spec, AtOnce: atOnce,
		Tell: func(found Found) { root.Send(self, early{look: number, found: found}) }}
	d.looking = newErrand(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		found, err := find(ctx, source, look)
		root.Send(self, looked{look: number, found: found, err: err})
	})
}

// finish takes the result of the latest look.
func (d *discoverer) finish(c actor.Context, result looked) {
	d.looking.end()
	d.looking = nil
	found, err := result.found, result.err
	d.tell(c, found, err != nil)
	again := found.Again
	if err != nil {
		d.failures++
		if again <= 0 {
			again = retryAfter(d.failures)
		}
		c.Send(c.Parent(), messages.DiscoveryFailed{Upstream: d.want.Spec.Name, Gen: d.want.Gen, Detail: err.Error(), What: failing(err)})
	} else {
		d.failures = 0
	}
	d.note(found, err, again)
	root, self, next := c.ActorSystem().Root, c.Self(), tick{look: d.look}
	if again > 0 {
		d.timer = scheduler.NewTimerScheduler(root).SendOnce(again, self, next)
	}
	if found.Changed != nil {
		d.waiting = newErrand(func(ctx context.Context) {
			select {
			case <-found.Changed:
				root.Send(self, next)
			case <-ctx.Done():
			}
		})
	}
}

// tell tells the parent the full set, if that is news.
func (d *discoverer) tell(c actor.Context, found Found, partial bool) {
	known := !partial || len(found.Peers) > 0 || found.Empty
	completed := !partial && (d.told.partial || d.failures > 0)
	if !known || (d.told.any && !completed && slices.Equal(found.Peers, d.told.peers)) {
		return
	}
	d.told = told{any: true, partial: partial, peers: slices.Clone(found.Peers)}
	c.Send(c.Parent(), messages.PeersFound{Upstream: d.want.Spec.Name, Gen: d.want.Gen,
		Peers: messages.ListOf(found.Peers...), Partial: partial})
}

// note records what came of the latest look.
func (d *discoverer) note(found Found, err error, again time.Duration) {
	now := time.Now()
	d.outdated = d.outdated && err != nil
	d.record.Source, d.record.Stale, d.record.Detail = found.Source, found.Stale || d.outdated, found.Detail
	d.record.Next = time.Time{}
	if again > 0 {
		d.record.Next = now.Add(again)
	}
	if err == nil {
		d.record.LastSuccess = now
	} else {
		d.record.LastFailure, d.record.Detail = now, err.Error()
	}
	d.deps.Record(d.want.Spec.Name, d.record)
}

// stop ends the look in flight, if any, waits for it, and drops the timer.
func (d *discoverer) stop() {
	if d.timer != nil {
		d.timer()
		d.timer = nil
	}
	d.looking.end()
	d.waiting.end()
	d.looking, d.waiting = nil, nil
}

// told is what the parent was told last.
type told struct {
	any, partial bool
	peers        []messages.PeerSpec
}
