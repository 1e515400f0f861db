package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/messages"
)

const (
	// MaxPeers is how many peers one entry can have. It takes the first of more,
	// and says so.
	MaxPeers = 4096
	// maxTargets is how many targets of one service are looked up.
	maxTargets = 1024
	// atATime is how many names of one upstream are looked up at a time, so that one
	// upstream does not use up what all of them share.
	atATime = 16
	// earlyAfter is how long a look withholds what it knows while the rest is awaited.
	earlyAfter = 250 * time.Millisecond
	// soonest is the least time between two looks.
	soonest = 50 * time.Millisecond
)

// Request says what to find, and how.
type Request struct {
	Spec messages.UpstreamSpec
	// AtOnce asks for everything that is older than a second, whatever its TTL,
	// and for what failed without waiting for its turn.
	AtOnce bool
	// Tell is told what is known so far, from Find's goroutine, when news would
	// have to wait for the rest; nil = nobody is.
	Tell func(Result)
}

// Result is what Find found.
type Result struct {
	// Source says who was asked: "static" when there are no names, else "dns" and the servers.
	Source string
	// Peers is the full set as far as it is known, always in the same order, each address once.
	Peers []messages.PeerSpec
	// Empty tells that Peers is empty for sure, although there was an error:
	// what was known is gone, or too old.
	Empty bool
	// Stale tells that part of Peers comes from earlier lookups, because the last failed.
	Stale bool
	// Note is what is odd though nothing failed, one line per name; empty = nothing.
	Note string
	// Again is when to look again; 0 = never, there are no names.
	Again time.Duration
}

// Find finds the peers of an upstream of kind static or dns. The error joins what
// failed, one line per name; the result is right nonetheless, with what was
// known of these before. It returns at once when ctx is done.
func (r *Resolver) Find(ctx context.Context, req Request) (Result, error) {
	s := search{resolver: r, spec: req.Spec, fresh: freshness{maxAge: req.Spec.Discovery.UpdateFrequency, atOnce: req.AtOnce},
		places: make(chan struct{}, atATime)}
	s.parse()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.refresh(ctx)
	}()
	if req.Tell != nil && s.names() {
		s.tellEarly(done, req.Tell)
	}
	<-done
	return s.result(time.Now(), ctx.Err())
}

// search is one Find.
type search struct {
	resolver *Resolver
	spec     messages.UpstreamSpec
	fresh    freshness
	entries  []entry
	bad      []error
	places   chan struct{}
}

func (s *search) parse() {
	for _, spec := range s.spec.Addrs.All() {
		e, err := parseEntry(spec, s.spec.Discovery.IPv4Only)
		if err != nil {
			s.bad = append(s.bad, err)
			continue
		}
		s.entries = append(s.entries, e)
	}
}

// names tells whether there is anything to look up.
func (s *search) names() bool {
	return slices.ContainsFunc(s.entries, func(e entry) bool { return !e.literal })
}

// tellEarly tells what is known whenever that changed, while the rest is awaited.
func (s *search) tellEarly(done <-chan struct{}, tell func(Result)) {
	ticker := time.NewTicker(earlyAfter)
	defer ticker.Stop()
	var last []messages.PeerSpec
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		if result, _ := s.result(time.Now(), nil); !slices.Equal(result.Peers, last) {
			last = result.Peers
			tell(result)
		}
	}
}

// result makes the set of what is known now.
func (s *search) result(now time.Time, over error) (Result, error) {
	set := collected{now: now, faults: slices.Clone(s.bad)}
	for _, e := range s.entries {
		switch {
		case e.literal:
			set.peers = append(set.peers, e.spec)
		case e.key.kind == service:
			s.addService(&set, e)
		default:
			st := s.resolver.look(e.key, now, s.fresh.maxAge)
			set.add(e.key.name, st)
			set.addPeers(e.key.name, e.peers(st.records))
		}
	}
	result := Result{Source: "static", Peers: messages.MergePeers(set.peers), Stale: set.stale, Note: lines(set.notes)}
	result.Empty = len(result.Peers) == 0 && set.once
	if s.names() {
		result.Source = "dns " + strings.Join(s.resolver.Servers(), " ")
		result.Again = max(set.next.Sub(now), soonest)
	}
	err := joinFaults(set.faults)
	if over != nil && s.names() {
		err = errors.Join(err, fmt.Errorf("the look was cut short: %w", over))
	}
	return result, err
}

// addService adds the peers of a service: each target's addresses.
func (s *search) addService(set *collected, e entry) {
	st := s.resolver.look(e.key, set.now, s.fresh.maxAge)
	st.once = st.once && len(st.records) == 0 // else its targets tell whether there were peers
	set.add(e.key.name, st)
	var peers []messages.PeerSpec
	states := map[string]state{}
	for _, line := range rank(st.records) {
		target, seen := states[line.target]
		if !seen {
			if len(states) == maxTargets {
				set.faults = append(set.faults, fmt.Errorf("%s: %w: more than %d targets", e.key.name, ErrTooMany, maxTargets))
				break
			}
			target = s.resolver.look(key{line.target, addressKind(s.spec.Discovery.IPv4Only)}, set.now, s.fresh.maxAge)
			states[line.target] = target
			set.add(e.key.name+" target "+line.target, target)
		}
		peers = append(peers, line.peers(target.records)...)
	}
	set.addPeers(e.key.name, peers)
}

// refresh looks up what is not fresh enough, and the targets of services after that.
func (s *search) refresh(ctx context.Context) {
	keys := map[key]bool{}
	for _, e := range s.entries {
		if !e.literal {
			keys[e.key] = true
		}
	}
	s.refreshAll(ctx, keys)
}

func (s *search) refreshAll(ctx context.Context, keys map[key]bool) {
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			select {
			case s.places <- struct{}{}:
			case <-ctx.Done():
				return
			}
			s.resolver.refresh(ctx, k, s.fresh)
			<-s.places // the targets need places of their own
			if k.kind == service && ctx.Err() == nil {
				s.refreshAll(ctx, s.targets(k))
			}
		})
	}
	wg.Wait()
}

// targets returns what to look up for a service, as many as are used.
func (s *search) targets(k key) map[key]bool {
	keys := map[key]bool{}
	for _, line := range s.resolver.look(k, time.Now(), 0).records {
		if len(keys) < maxTargets {
			keys[key{line.target, addressKind(s.spec.Discovery.IPv4Only)}] = true
		}
	}
	return keys
}
