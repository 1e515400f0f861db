package actors

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/messages"
)

// crashLog is a receiver middleware. It writes the log line of a crash, with
// the stack that protoactor does not keep, and tells the notifier; then the
// panic goes on to supervision. It also has pending restarts forgotten before
// an actor stops its children.
func crashLog(log *slog.Logger, s *supervision) actor.ReceiverMiddleware {
	return func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			switch envelope.Message.(type) {
			case *actor.Stopping, *actor.Restarting:
				s.forgetUnder(c.Self())
			}
			defer func() {
				reason := recover()
				if reason == nil {
					return
				}
				log.Error("actor crashed", "actor", c.Self().Id, "message", actor.MessageType(envelope.Message),
					"reason", fmt.Sprint(reason), "stack", string(debug.Stack()))
				s.notify(messages.ActorCrashed{Actor: c.Self().Id, Detail: fmt.Sprint(reason), At: time.Now()})
				if closing(envelope.Message) {
					return // a panic while stopping would bring the actor back to life
				}
				panic(reason)
			}()
			next(c, envelope)
		}
	}
}

// closing tells whether a message is one of those that end an incarnation.
func closing(message any) bool {
	switch message.(type) {
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
		return true
	}
	return false
}
