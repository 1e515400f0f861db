package discovery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

// world is what a source looks at, as far as every source has one: two groups of
// peers, of which each can change and fail by itself.
type world interface {
	// set says which peers the group has from now on; it heals the group.
	set(group int, addrs ...string)
	// fail makes looks for the group fail, that of the other goes on.
	fail(group int)
	// hang makes looks for both groups wait for ever.
	hang()
}

// subject is a source under test: the source, what to ask it, and its world.
type subject struct {
	source discovery.Source
	spec   messages.UpstreamSpec
	world  world
}

// subjects is every source that there is.
func subjects() map[string]func(t *testing.T) subject {
	return map[string]func(t *testing.T) subject{
		"static names":   func(t *testing.T) subject { return newNames(t, messages.DiscoverStatic) },
		"dns names":      func(t *testing.T) subject { return newNames(t, messages.DiscoverDNS) },
		"dns services":   newServices,
		"docker":         newContainers,
		"static by none": func(t *testing.T) subject { return newNames(t, "") },
	}
}

// look asks for what is true now, as starving requests do.
func (s subject) look(ctx context.Context) ([]string, discovery.Found, error) {
	var found discovery.Found
	var err error
	if looker, ok := s.source.(discovery.Looker); ok {
		found, err = looker.Look(ctx, discovery.Look{Spec: s.spec, AtOnce: true, Tell: func(discovery.Found) {}})
	} else {
		found, err = s.source.Find(ctx, s.spec)
	}
	addrs := []string{}
	for _, p := range found.Peers {
		addrs = append(addrs, p.Addr)
	}
	return addrs, found, err
}

// outcome is how a look ends.
type outcome string

const (
	whole   outcome = "everything found"
	failing outcome = "an error"
	stale   outcome = "an error, and a stale set"
)

// await looks until the set is want and the outcome is as it should be.
func (s subject) await(t *testing.T, should outcome, want ...string) discovery.Found {
	t.Helper()
	var last discovery.Found
	actortest.Eventually(t, string(should)+", and the set "+strings.Join(want, " "), func() bool {
		addrs, found, err := s.look(t.Context())
		last = found
		is := map[outcome]bool{whole: err == nil && !found.Stale, failing: err != nil, stale: err != nil && found.Stale}
		return slices.Equal(want, addrs) && is[should]
	})
	return last
}

func TestEverySource(t *testing.T) {
	tests := []struct {
		name string
		run  func(t *testing.T, s subject)
	}{
		{"tells full sets in one order", fullSets},
		{"keeps what it knew when looks fail", keeps},
		{"follows one part while another fails", partly},
		{"tells nothing known from nothing there", nothingKnown},
		{"ends at once when it is cancelled", cancelled},
		{"can be asked by many", concurrent},
	}
	for name, start := range subjects() {
		for _, tt := range tests {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				tt.run(t, start(t))
			})
		}
	}
}

func fullSets(t *testing.T, s subject) {
	s.world.set(0, "10.0.0.2", "10.0.0.1")
	s.world.set(1, "10.0.1.1")
	found := s.await(t, whole, "10.0.0.1:80", "10.0.0.2:80", "10.0.1.1:80")
	if found.Stale || found.Empty || found.Source == "" || (found.Again <= 0 && found.Changed == nil) {
		t.Errorf("got %+v; want a fresh set, who was asked, and when there may be another", found)
	}
	s.world.set(0, "10.0.0.1", "10.0.0.3", "10.0.0.2")
	s.await(t, whole, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.1.1:80")
	s.world.set(0, "10.0.0.3")
	s.await(t, whole, "10.0.0.3:80", "10.0.1.1:80")
}

func keeps(t *testing.T, s subject) {
	s.world.set(0, "10.0.0.1")
	s.world.set(1, "10.0.1.1")
	s.await(t, whole, "10.0.0.1:80", "10.0.1.1:80")
	s.world.fail(0)
	s.world.fail(1)
	s.await(t, stale, "10.0.0.1:80", "10.0.1.1:80")
	s.world.set(0, "10.0.0.2")
	s.world.set(1, "10.0.1.2")
	s.await(t, whole, "10.0.0.2:80", "10.0.1.2:80")
}

func partly(t *testing.T, s subject) {
	s.world.set(0, "10.0.0.1")
	s.world.set(1, "10.0.1.1")
	s.await(t, whole, "10.0.0.1:80", "10.0.1.1:80")
	s.world.fail(1)
	s.world.set(0, "10.0.0.2")
	s.await(t, failing, "10.0.0.2:80", "10.0.1.1:80")
}

func nothingKnown(t *testing.T, s subject) {
	s.world.fail(0)
	s.world.fail(1)
	if addrs, found, err := s.look(t.Context()); err == nil || len(addrs) != 0 || found.Empty {
		t.Errorf("got %v, %+v, error %v; want an error, and no set for sure", addrs, found, err)
	}
}

func cancelled(t *testing.T, s subject) {
	s.world.hang()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if addrs, _, err := s.look(ctx); !errors.Is(err, context.Canceled) || len(addrs) != 0 {
		t.Errorf("got %v, %v; want context.Canceled", addrs, err)
	}
}

func concurrent(t *testing.T, s subject) {
	s.world.set(0, "10.0.0.1", "10.0.0.2")
	s.world.set(1, "10.0.1.1")
	want := []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.1.1:80"}
	s.await(t, whole, want...)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 5 {
				if addrs, _, err := s.look(t.Context()); err != nil || !slices.Equal(addrs, want) {
					t.Errorf("got %v, %v; want %v", addrs, err, want)
				}
			}
		})
	}
	wg.Wait()
}
