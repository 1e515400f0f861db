package bench

import (
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// The ways in which a request can ask an upstream for a peer. All give it the
// next of three peers and count it as in flight; each request also gives it back.

// BenchmarkAskSnapshot is ours: the actor answered ahead, the request reads it.
func BenchmarkAskSnapshot(b *testing.B) {
	ref := newRef()
	run(b, func() func() {
		ask := &balance.Ask{}
		return func() {
			p, err := ref.Acquire(ask)
			if err != nil {
				b.Error(err)
				return
			}
			ref.Release(p, balance.Outcome{})
		}
	})
}

// BenchmarkAskMailbox sends each ask through the actor's mailbox; the answer
// comes on a channel that is kept for the next ask.
func BenchmarkAskMailbox(b *testing.B) {
	system, pid, ref := spawn(b)
	pool := sync.Pool{New: func() any { return &mailboxAsk{reply: make(chan *balance.Peer, 1)} }}
	run(b, func() func() {
		return func() {
			ask := pool.Get().(*mailboxAsk)
			system.Root.Send(pid, ask)
			ref.Release(<-ask.reply, balance.Outcome{})
			pool.Put(ask)
		}
	})
}

// BenchmarkAskFuture is what protoactor offers for the purpose.
func BenchmarkAskFuture(b *testing.B) {
	system, pid, ref := spawn(b)
	run(b, func() func() {
		return func() {
			answer, err := system.Root.RequestFuture(pid, futureAsk{}, 10*time.Second).Result()
			if err != nil {
				b.Error(err)
				return
			}
			ref.Release(answer.(*balance.Peer), balance.Outcome{})
		}
	})
}

// run measures one asker, and 32 per processor.
func run(b *testing.B, newAsker func() func()) {
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		ask := newAsker()
		for b.Loop() {
			ask()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			ask := newAsker()
			for pb.Next() {
				ask()
			}
		})
	})
}

func newRef() *balance.Ref {
	ref := balance.NewRegistry().Ref("api")
	var members []balance.Member
	for _, addr := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"} {
		members = append(members, balance.Member{Peer: ref.Peer(addr), Weight: 1, Available: true})
	}
	policy := balance.Policy{Algo: messages.Algo{Kind: messages.RoundRobin}}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: policy, Members: members}))
	return ref
}

type mailboxAsk struct{ reply chan *balance.Peer }

type futureAsk struct{}

// spawn starts an actor that answers both kinds of ask, until the benchmark ends.
func spawn(b *testing.B) (*actor.ActorSystem, *actor.PID, *balance.Ref) {
	b.Helper()
	quiet := actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) })
	system := actor.NewActorSystem(quiet)
	ref := newRef()
	ask := &balance.Ask{}
	next := func() *balance.Peer {
		p, err := ref.Acquire(ask)
		if err != nil {
			b.Error(err)
		}
		return p
	}
	pid := system.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *mailboxAsk:
			m.reply <- next()
		case futureAsk:
			c.Respond(next())
		}
	}))
	b.Cleanup(func() {
		if err := system.Root.StopFuture(pid).Wait(); err != nil {
			b.Error(err)
		}
		system.Shutdown()
	})
	return system, pid, ref
}
