package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/discovery/docker"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/dockertest"
	"github.com/weirproxy/weir/messages"
)

// containers returns a subject whose engine has a container at each address.
func containers(t *testing.T, addrs ...string) (subject, *dockertest.Server) {
	s := newContainers(t)
	s.spec = selecting("group=0:80")
	s.world.set(0, addrs...)
	return s, s.world.(*yard).server
}

// background looks until the look ends by itself.
func (s subject) background(t *testing.T) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, _, err := s.look(context.WithoutCancel(t.Context()))
		ended <- err
	}()
	return ended
}

func TestALookThatTheEngineDoesNotAnswerSaysSo(t *testing.T) {
	s, _ := containers(t)
	s.world.hang()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, found, err := s.look(ctx)
	if !errors.Is(err, discovery.ErrEngine) || !strings.Contains(err.Error(), "has not said yet") || found.Source == "" || found.Changed == nil {
		t.Errorf("got %+v, %v; want who was asked, that it said nothing, and to be told when it does", found, err)
	}
}

func TestALookUnderWayEndsWhenItsUpstreamIsReleased(t *testing.T) {
	for name, release := range map[string]func(s subject){
		"by name": func(s subject) { s.source.(discovery.Releaser).Release("web") },
		"because it is of another kind by now": func(s subject) {
			s.spec.Discovery.Kind = messages.DiscoverStatic
			_, _, _ = s.look(context.Background()) // there is no such source
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := containers(t)
			s.world.hang()
			ended := s.background(t)
			actortest.Eventually(t, "the end of the look", func() bool {
				release(s) // the look may not have begun yet
				return len(ended) > 0
			})
			if err := <-ended; !errors.Is(err, discovery.ErrEngine) {
				t.Errorf("got %v, want ErrEngine", err)
			}
		})
	}
}

func TestALookUnderWayEndsWithTheWatchingOfTheEngine(t *testing.T) {
	server := dockertest.Start(t)
	server.Answer(dockertest.Ping, dockertest.Hang())
	source, end := watched(t, server)
	s := subject{source: source, spec: selecting("group=0:80")}
	ended := s.background(t)
	actortest.Eventually(t, "the engine to be asked", func() bool { return server.Asked("/_ping") > 0 })
	end()
	actortest.Eventually(t, "the end of the look", func() bool { return len(ended) > 0 })
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "not watched any more") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsKnownStaysWhenTheWatchingEnds(t *testing.T) {
	server := dockertest.Start(t)
	server.Put(member(0, "10.0.0.1"))
	source, end := watched(t, server)
	s := subject{source: source, spec: selecting("group=0:80")}
	before := s.await(t, whole, "10.0.0.1:80")
	end()
	s.await(t, stale, "10.0.0.1:80")
	select {
	case <-before.Changed:
		t.Error("the end of the watching is told as news: every stop of weir would tell of failed discoveries")
	default:
	}
}

func TestAnUpstreamThatComesBackInAnOutageHasItsContainers(t *testing.T) {
	s, server := containers(t, "10.0.0.1", "10.0.0.2")
	s.await(t, whole, "10.0.0.1:80", "10.0.0.2:80")
	server.Stop()
	s.await(t, stale, "10.0.0.1:80", "10.0.0.2:80")
	s.source.(discovery.Releaser).Release("web") // removed
	if found := s.await(t, stale, "10.0.0.1:80", "10.0.0.2:80"); found.Empty {
		t.Errorf("got %+v", found)
	}
	server.Put(member(0, "10.0.0.3"))
	server.Resume()
	s.await(t, whole, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
}

func TestASpecThatChangesInAnOutageEmptiesNothing(t *testing.T) {
	s, server := containers(t, "10.0.0.1")
	server.Put(member(1, "10.0.1.1"))
	s.await(t, whole, "10.0.0.1:80")
	server.Stop()
	s.await(t, stale, "10.0.0.1:80")
	s.spec = selecting("group=0:80", "group=1:80") // of the second nothing is known yet
	s.await(t, stale, "10.0.0.1:80")
	heavier := selecting("group=0:80")
	heavier.Addrs = messages.ListOf(messages.PeerSpec{Addr: "group=0:80", Weight: 5})
	s.spec = heavier
	if found := s.await(t, stale, "10.0.0.1:80"); found.Peers[0].Weight != 5 {
		t.Errorf("got weight %d, want the new one", found.Peers[0].Weight)
	}
	s.spec = selecting("group=1:80")
	if found := s.await(t, failing); found.Empty || found.Stale {
		t.Errorf("got %+v: it is not known that there is nothing", found)
	}
	server.Resume()
	s.await(t, whole, "10.0.1.1:80")
}

func TestAnEntryThatIsNoSelectorIsToldAndTheOthersAreFollowed(t *testing.T) {
	s, _ := containers(t, "10.0.0.1")
	s.spec = selecting("group=0:80", "a b")
	s.await(t, failing, "10.0.0.1:80")
	s.world.set(0, "10.0.0.2")
	s.await(t, failing, "10.0.0.2:80")
	s.world.set(0)
	for _, spec := range []messages.UpstreamSpec{s.spec, selecting("a b")} {
		s.spec = spec
		s.await(t, failing)
		if _, found, err := s.look(t.Context()); found.Empty || !errors.Is(err, docker.ErrSelector) {
			t.Errorf("%v: got %+v, %v; want ErrSelector, and no empty set for sure", spec.Addrs.Slice(), found, err)
		}
	}
}

func TestASpecThatChangesAgainAndAgainIsFollowedAndLeavesNothing(t *testing.T) {
	s, _ := containers(t, "10.0.0.1")
	s.world.set(1, "10.0.1.1")
	for range 20 { // what is left over is a goroutine: TestMain looks for them
		s.spec = selecting("group=0:80")
		s.await(t, whole, "10.0.0.1:80")
		s.spec = selecting("group=1:80")
		s.await(t, whole, "10.0.1.1:80")
	}
}

func TestWhatIsOddWithoutAnErrorIsTold(t *testing.T) {
	s, server := containers(t)
	paused := member(0, "10.0.0.1")
	paused.State = "paused"
	server.Put(paused)
	found := s.await(t, whole)
	if !strings.Contains(found.Detail, "it is paused") || !found.Empty {
		t.Errorf("got %+v; want an empty set that says why", found)
	}
	s.world.set(0, "10.0.0.2")
	if found := s.await(t, whole, "10.0.0.2:80"); found.Detail != "" {
		t.Errorf("with a peer, got detail %q", found.Detail)
	}
}

func TestStarvingRequestsFindWhatNoEventToldOf(t *testing.T) {
	s, server := containers(t, "10.0.0.1")
	s.await(t, whole, "10.0.0.1:80")
	lists := server.Asked("/containers/json")
	server.Put(member(0, "10.0.0.2")) // else found within a minute
	s.await(t, whole, "10.0.0.1:80", "10.0.0.2:80")
	if server.Asked("/containers/json") == lists {
		t.Error("nothing was listed")
	}
}

func TestAThousandFaultsAreToldInAFewLines(t *testing.T) {
	s, server := containers(t)
	var bad []dockertest.Container
	for i := range 1000 {
		c := member(0, "10.0.0.1")
		c.ID, c.Labels = fmt.Sprint("bad", i), map[string]string{"group": "0", "weir.weight": "none"}
		bad = append(bad, c)
	}
	server.Put(bad...)
	server.Put(member(0, "10.0.0.9"))
	s.await(t, failing, "10.0.0.9:80")
	_, _, err := s.look(t.Context())
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 11 || !slices.Contains(lines, "and 990 more") {
		t.Errorf("%d lines: %v", len(lines), err)
	}
}
