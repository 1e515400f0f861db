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
// panic goes on to supervision, unless the actor ends: a panic then would bring
// it back to life. It also tells supervision where actors begin and end.
func crashLog(log *slog.Logger, s *supervision) actor.ReceiverMiddleware {
	return func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			id := c.Self().Id
			switch envelope.Message.(type) {
			case *actor.Stopping, *actor.Restarting:
				s.end(id)
			case *actor.Started:
				s.begin(id)
			case *actor.Stopped:
				defer s.begin(id)
			}
			defer func() {
				reason := recover()
				if reason == nil {
					return
				}
				log.Error("actor crashed", "actor", id, "message", actor.MessageType(envelope.Message),
					"reason", fmt.Sprint(reason), "stack", string(debug.Stack()))
				s.notify(messages.ActorCrashed{Actor: id, Detail: fmt.Sprint(reason), At: time.Now()})
				if !s.ends(id) {
					panic(reason)
				}
			}()
			next(c, envelope)
		}
	}
}
