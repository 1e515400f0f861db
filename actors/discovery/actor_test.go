package discovery_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

// fakeSource gives the results it is fed, in order; a look without a result waits for one.
type fakeSource chan result

type result struct {
	peers []string
	again time.Duration
	err   error
}

func (f fakeSource) Find(ctx context.Context, _ messages.UpstreamSpec) (discovery.Found, error) {
	select {
	case r := <-f:
		found := discovery.Found{Again: r.again}
		for _, addr := range r.peers {
			found.Peers = append(found.Peers, messages.PeerSpec{Addr: addr, Weight: 1})
		}
		return found, r.err
	case <-ctx.Done():
		return discovery.Found{}, ctx.Err()
	}
}

var errNoAnswer = errors.New("no answer")

// inBubble runs a test with a discoverer on a fake clock.
func inBubble(t *testing.T, test func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any))) {
	synctest.Test(t, func(t *testing.T) {
		system := actortest.NewSystem()
		parent := actortest.NewParent(t, system, actortest.Config{Within: time.Hour})
		source := make(fakeSource, 10)
		pid := parent.Spawn(t, discovery.Props(discovery.Deps{Source: source, Logger: slog.New(slog.DiscardHandler)}), "discoverer")
		test(t, source, parent, func(m any) { parent.Send(pid, m) })
	})
}

func discover(gen uint64) messages.Discover {
	return messages.Discover{Spec: messages.UpstreamSpec{Name: "web"}, Gen: gen}
}

func TestTellsTheFullSetAndOnlyChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any)) {
		source <- result{peers: []string{"a:1"}, again: time.Second}
		source <- result{peers: []string{"a:1"}, again: time.Second}
		source <- result{peers: []string{"a:1", "b:1"}}
		send(discover(7))
		first := actortest.Await[messages.PeersFound](t, parent, nil)
		if first.Gen != 7 || first.Peers.Len() != 1 {
			t.Errorf("got %+v, want one peer of generation 7", first)
		}
		if second := actortest.Await[messages.PeersFound](t, parent, nil); second.Peers.Len() != 2 {
			t.Errorf("the second set has %d peers, want 2: the same set is told once", second.Peers.Len())
		}
		time.Sleep(time.Hour)
		if n := len(actortest.All[messages.PeersFound](parent)); n != 2 {
			t.Errorf("told %d sets, want 2", n)
		}
	})
}

func TestFailuresBackOffAndRecoveryIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any)) {
		source <- result{peers: []string{"a:1"}, again: time.Second}
		for range 5 {
			source <- result{err: errNoAnswer, peers: []string{"a:1"}}
		}
		source <- result{peers: []string{"a:1"}}
		begun := time.Now()
		send(discover(1))
		actortest.Await[messages.PeersFound](t, parent, nil)
		for range 5 {
			actortest.Await[messages.DiscoveryFailed](t, parent, nil)
		}
		actortest.Await[messages.PeersFound](t, parent, nil) // recovered, though the set is the same
		// 1s, then 0.5+1+2+4+8 s, each +-20%.
		if took := time.Since(begun); took < 13*time.Second || took > 20*time.Second {
			t.Errorf("five failures took %v, want about 16s", took)
		}
	})
}

func TestNothingFoundAndNothingKnownTellsNoSet(t *testing.T) {
	inBubble(t, func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any)) {
		source <- result{err: errNoAnswer}
		send(discover(1))
		actortest.Await[messages.DiscoveryFailed](t, parent, nil)
		if sets := actortest.All[messages.PeersFound](parent); len(sets) != 0 {
			t.Errorf("told %v, want no set: it would empty the upstream", sets)
		}
	})
}

func TestStarvingLooksAtOnceWhileLooksFail(t *testing.T) {
	inBubble(t, func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any)) {
		for range 8 {
			source <- result{err: errNoAnswer}
		}
		source <- result{peers: []string{"a:1"}}
		send(discover(1))
		for range 8 {
			actortest.Await[messages.DiscoveryFailed](t, parent, nil)
		}
		time.Sleep(2 * time.Second) // the pause is about 30 s by now
		begun := time.Now()
		send(messages.Starving{Upstream: "web"})
		actortest.Await[messages.PeersFound](t, parent, nil)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("looked after %v, want at once", took)
		}
	})
}

func TestANewSpecCancelsTheLookUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any)) {
		send(discover(1))
		synctest.Wait() // the look waits for a result
		send(discover(2))
		synctest.Wait()
		source <- result{peers: []string{"b:1"}}
		if found := actortest.Await[messages.PeersFound](t, parent, nil); found.Gen != 2 {
			t.Errorf("told generation %d, want 2", found.Gen)
		}
		if failed := actortest.All[messages.DiscoveryFailed](parent); len(failed) != 0 {
			t.Errorf("the cancelled look was told as a failure: %v", failed)
		}
	})
}

// bomb crashes the discoverer that receives it.
type bomb struct{}

func TestARestartedDiscovererGoesOnByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := actortest.NewSystem()
		parent := actortest.NewParent(t, system, actortest.Config{Within: time.Hour})
		source := make(fakeSource, 10)
		props := discovery.Props(discovery.Deps{Source: source, Logger: slog.New(slog.DiscardHandler)}).Clone(
			actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
				return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
					if _, ok := e.Message.(bomb); ok {
						panic("bomb")
					}
					next(c, e)
				}
			}))
		pid := parent.Spawn(t, props, "discoverer")
		source <- result{peers: []string{"a:1"}, again: time.Second}
		parent.Send(pid, discover(3))
		actortest.Await[messages.PeersFound](t, parent, nil)
		parent.Send(pid, bomb{})
		source <- result{peers: []string{"a:1", "b:1"}}
		if found := actortest.Await[messages.PeersFound](t, parent, nil); found.Gen != 3 || found.Peers.Len() != 2 {
			t.Errorf("got %+v after the crash, want two peers of generation 3", found)
		}
	})
}

func TestAPanickingSourceIsAFailedLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := actortest.NewSystem()
		parent := actortest.NewParent(t, system, actortest.Config{Within: time.Hour})
		pid := parent.Spawn(t, discovery.Props(discovery.Deps{Source: panicking{}, Logger: slog.New(slog.DiscardHandler)}), "discoverer")
		parent.Send(pid, discover(1))
		failed := actortest.Await[messages.DiscoveryFailed](t, parent, nil)
		if !strings.Contains(failed.Detail, "bad answer") {
			t.Errorf("detail %q does not say why", failed.Detail)
		}
	})
}

type panicking struct{}

func (panicking) Find(context.Context, messages.UpstreamSpec) (discovery.Found, error) {
	panic("bad answer")
}

func TestStarvingLooksAtOnceAlsoWhileLooksSucceed(t *testing.T) {
	inBubble(t, func(t *testing.T, source fakeSource, parent *actortest.Parent, send func(any)) {
		source <- result{peers: []string{"a:1"}, again: time.Hour}
		send(messages.Starving{Upstream: "web"}) // before it knows what to look for: nothing
		send(discover(1))
		actortest.Await[messages.PeersFound](t, parent, nil)
		time.Sleep(2 * time.Second)
		source <- result{peers: []string{"b:1"}, again: time.Hour}
		begun := time.Now()
		send(messages.Starving{Upstream: "web"})
		actortest.Await[messages.PeersFound](t, parent, nil)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("looked after %v, want at once", took)
		}
	})
}
