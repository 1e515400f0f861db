package notifier

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of the notifier. All are required but Outbox.
type Deps struct {
	// Publish sends one message to whoever is subscribed now. It must not wait;
	// an error means that it was not sent. It is not used when there is an Outbox.
	Publish func(subject string, header map[string]string, body []byte) error
	// Outbox takes events into the stream; nil = they are live only. It outlives
	// the actor's incarnations, and who made it runs and flushes it.
	Outbox *Outbox
	// Feed outlives the actor's incarnations.
	Feed   *Feed
	Logger *slog.Logger
}

// Props returns the props of the notifier.
func Props(cfg Config, deps Deps) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &notifier{outlet: &outlet{cfg: cfg, publish: deps.Publish, outbox: deps.Outbox, feed: deps.Feed, log: deps.Logger,
			encoder: encoder{cfg: cfg, next: func() uint64 { return deps.Feed.stats.numbered.Add(1) }}}}
	})
}

// notifier has nothing to acquire and nothing to release.
type notifier struct{ outlet *outlet }

func (n *notifier) Receive(c actor.Context) {
	switch msg := c.Message().(type) {
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	case messages.Event:
		if !n.outlet.take(msg) {
			n.unknown(c)
		}
	default:
		n.unknown(c)
	}
}

func (n *notifier) unknown(c actor.Context) {
	n.outlet.feed.stats.unknown.Add(1)
	n.outlet.log.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(c.Message()))
}
