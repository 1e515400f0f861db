package actortest

import (
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// System returns the actor system that all tests of the binary share, because
// one costs 5 ms and 3 MB. Names in it are taken once: spawn below a Parent,
// whose own name is unique.
func System() *actor.ActorSystem { return shared() }

// NewSystem returns an actor system of its own, for a testing/synctest bubble.
// It has no goroutines; nothing needs to be stopped but the actors in it.
func NewSystem() *actor.ActorSystem {
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return Quiet() }),
		actor.WithDeadLetterRequestLogging(false),
		// The throttle of dead letter logs sleeps in a goroutine for this long.
		actor.WithDeadLetterThrottleInterval(time.Millisecond),
	)
}

// Quiet returns a logger that drops everything.
func Quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// shared makes the system when it is first asked for.
var shared = sync.OnceValue(NewSystem) //nolint:gochecknoglobals // one per test binary, made once
