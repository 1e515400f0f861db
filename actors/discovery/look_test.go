package discovery_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

// fakeLooker hands its looks to the test, which ends them.
type fakeLooker struct {
	looks   chan discovery.Look
	results chan fullResult
}

type fullResult struct {
	found discovery.Found
	err   error
}

func (f fakeLooker) Find(context.Context, messages.UpstreamSpec) (discovery.Found, error) {
	return discovery.Found{}, errors.New("asked by Find though it can Look")
}

func (f fakeLooker) Look(ctx context.Context, look discovery.Look) (discovery.Found, error) {
	f.looks <- look
	select {
	case r := <-f.results:
		return r.found, r.err
	case <-ctx.Done():
		return discovery.Found{}, ctx.Err()
	}
}

// records keeps what a discoverer recorded.
type records struct {
	mu  sync.Mutex
	all []balance.DiscoveryRecord
}

func (r *records) add(_ string, record balance.DiscoveryRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, record)
}

func (r *records) last() balance.DiscoveryRecord {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[len(r.all)-1]
}

func inLookBubble(t *testing.T, test func(t *testing.T, f fakeLooker, r *records, parent *actortest.Parent, send func(any))) {
	synctest.Test(t, func(t *testing.T) {
		parent := actortest.NewParent(t, actortest.NewSystem(), actortest.Config{Within: time.Hour})
		f, r := fakeLooker{make(chan discovery.Look, 10), make(chan fullResult)}, &records{}
		pid := parent.Spawn(t, discovery.Props(discovery.Deps{Source: f, Record: r.add, Logger: slog.New(slog.DiscardHandler)}), "discoverer")
		test(t, f, r, parent, func(m any) { parent.Send(pid, m) })
	})
}

func peers(addrs ...string) []messages.PeerSpec {
	var list []messages.PeerSpec
	for _, a := range addrs {
		list = append(list, messages.PeerSpec{Addr: a, Weight: 1})
	}
	return list
}

func TestWhatIsKnownEarlyIsToldEarlyAndCompletedLater(t *testing.T) {
	inLookBubble(t, func(t *testing.T, f fakeLooker, _ *records, parent *actortest.Parent, send func(any)) {
		send(discover(1))
		look := <-f.looks
		look.Tell(discovery.Found{}) // nothing is known yet: no set
		look.Tell(discovery.Found{Peers: peers("a:1")})
		if found := actortest.Await[messages.PeersFound](t, parent, nil); !found.Partial || found.Peers.Len() != 1 {
			t.Errorf("got %+v, want one peer, partial", found)
		}
		f.results <- fullResult{found: discovery.Found{Peers: peers("a:1")}}
		if found := actortest.Await[messages.PeersFound](t, parent, nil); found.Partial {
			t.Errorf("got %+v, want the set completed", found)
		}
		look.Tell(discovery.Found{Peers: peers("late:1")}) // the look is over
		synctest.Wait()
		if sets := actortest.All[messages.PeersFound](parent); len(sets) != 2 {
			t.Errorf("told %d sets, want 2", len(sets))
		}
	})
}

func TestASetThatIsEmptyForSureIsToldInSpiteOfAnError(t *testing.T) {
	inLookBubble(t, func(t *testing.T, f fakeLooker, _ *records, parent *actortest.Parent, send func(any)) {
		send(discover(1))
		f.results <- fullResult{found: discovery.Found{Peers: peers("a:1"), Again: time.Second}}
		actortest.Await[messages.PeersFound](t, parent, nil)
		f.results <- fullResult{found: discovery.Found{Empty: true}, err: errNoAnswer}
		if found := actortest.Await[messages.PeersFound](t, parent, nil); found.Peers.Len() != 0 || !found.Partial {
			t.Errorf("got %+v, want an empty set, partial", found)
		}
	})
}

func TestTheSourceSaysWhenToLookAgainAfterAFailureToo(t *testing.T) {
	inLookBubble(t, func(t *testing.T, f fakeLooker, _ *records, _ *actortest.Parent, send func(any)) {
		send(discover(1))
		<-f.looks
		begun := time.Now()
		f.results <- fullResult{found: discovery.Found{Again: 7 * time.Second}, err: errNoAnswer}
		if look := <-f.looks; time.Since(begun) != 7*time.Second || look.AtOnce {
			t.Errorf("looked again after %v, at once %v; want 7s, in turn", time.Since(begun), look.AtOnce)
		}
	})
}

func TestNewsOfTheSourceMakesItLook(t *testing.T) {
	inLookBubble(t, func(t *testing.T, f fakeLooker, _ *records, _ *actortest.Parent, send func(any)) {
		changed, never := make(chan struct{}), make(chan struct{})
		send(discover(1))
		<-f.looks
		f.results <- fullResult{found: discovery.Found{Changed: changed}}
		synctest.Wait()
		if len(f.looks) != 0 {
			t.Errorf("looks again without news")
		}
		close(changed)
		<-f.looks
		f.results <- fullResult{found: discovery.Found{Changed: never}} // ends with the actor
	})
}

func TestStarvingAsksAtOnceAndOnceASecond(t *testing.T) {
	inLookBubble(t, func(t *testing.T, f fakeLooker, _ *records, _ *actortest.Parent, send func(any)) {
		send(discover(1))
		<-f.looks
		f.results <- fullResult{found: discovery.Found{Again: time.Hour}}
		synctest.Wait()
		send(messages.Starving{Upstream: "web"})
		synctest.Wait()
		if len(f.looks) != 0 {
			t.Errorf("looks twice within a second")
		}
		time.Sleep(time.Second)
		send(messages.Starving{Upstream: "web"})
		if look := <-f.looks; !look.AtOnce {
			t.Errorf("waits for its turn")
		}
	})
}

func TestRecordsWhatCameOfEachLook(t *testing.T) {
	inLookBubble(t, func(t *testing.T, f fakeLooker, r *records, _ *actortest.Parent, send func(any)) {
		send(discover(1))
		f.results <- fullResult{found: discovery.Found{Source: "dns x", Detail: "odd", Peers: peers("a:1"), Again: time.Minute}}
		first := r.last()
		if first.Source != "dns x" || first.Detail != "odd" || first.Stale || first.LastSuccess.IsZero() || !first.LastFailure.IsZero() ||
			first.Next.Sub(first.LastSuccess) != time.Minute {
			t.Errorf("recorded %+v", first)
		}
		time.Sleep(time.Minute)
		f.results <- fullResult{found: discovery.Found{Source: "dns x", Stale: true, Peers: peers("a:1"), Again: time.Second}, err: errNoAnswer}
		second := r.last()
		if !second.Stale || second.LastSuccess != first.LastSuccess || second.LastFailure.Sub(first.LastSuccess) != time.Minute || second.Detail != errNoAnswer.Error() {
			t.Errorf("recorded %+v after a failure", second)
		}
		// Another name is wanted, and never found: what there is, is of the one before.
		again := discover(2)
		again.Spec.Addrs = messages.ListOf(messages.PeerSpec{Addr: "b.test:80", Weight: 1})
		send(again)
		f.results <- fullResult{found: discovery.Found{Source: "dns x", Again: time.Second}, err: errNoAnswer}
		if third := r.last(); !third.Stale || !third.LastSuccess.IsZero() {
			t.Errorf("recorded %+v after an edit", third)
		}
		time.Sleep(time.Second)
		f.results <- fullResult{found: discovery.Found{Source: "dns x", Peers: peers("b:1"), Again: time.Minute}}
		if fourth := r.last(); fourth.Stale || fourth.LastSuccess.IsZero() {
			t.Errorf("recorded %+v at last", fourth)
		}
	})
}

func TestAKindWithoutASourceIsAFailedLook(t *testing.T) {
	spec := messages.UpstreamSpec{Discovery: messages.Discovery{Kind: messages.DiscoverDocker}}
	if _, err := (discovery.ByKind{}).Find(t.Context(), spec); !errors.Is(err, discovery.ErrNoSource) {
		t.Errorf("got %v, want ErrNoSource", err)
	}
}
