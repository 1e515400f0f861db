package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// Delta is what of a state differs from the one in force. Who knows it spares
// the comparison of everything (see Core.Prepare): a Delta costs what it changes,
// however many routes and upstreams there are.
type Delta struct {
	// Upstreams and Routes are new, or replace those of the same name.
	Upstreams []messages.UpstreamSpec
	Routes    []messages.RouteSpec
	// RemovedUpstreams and RemovedRoutes are names. Those that are not there are passed over.
	RemovedUpstreams, RemovedRoutes []string
}

// change makes the next table out of the one in force and a Delta.
type change struct {
	core *Core
	by   *editor
	old  *table
	next *table
	// round is the number of this change, see Upstream and route.
	round uint64

	shadowed                    []shadowed
	made                        []PeerCodec
	dropped                     []droppedCodec
	madeFinders, droppedFinders []Finder
	limits                      []newLimits
	faults                      []error
}

// shadowed is a route that can never match, because another has the same rule.
type shadowed struct{ loser, winner string }

// droppedCodec is a codec that the next table does not use.
type droppedCodec struct {
	upstream string
	codec    *codecUse
}

// newLimits are what a codec that stays is to keep to from now on.
type newLimits struct {
	codec     *codecUse
	transport messages.Transport
}

func newChange(c *Core, old *table) *change {
	c.rounds++
	next := *old
	next.levels = slices.Clone(old.levels)
	return &change{core: c, by: &editor{}, old: old, next: &next, round: c.rounds}
}

// build makes the table, or returns every fault in d. Routes are taken in the
// order of their names, so that faults and warnings always come in the same order.
func (b *change) build(d Delta) error {
	for _, name := range d.RemovedUpstreams {
		b.removeUpstream(name)
	}
	for i := range d.Upstreams {
		if err := b.setUpstream(&d.Upstreams[i]); err != nil {
			b.faults = append(b.faults, fmt.Errorf("upstream %q: %w", d.Upstreams[i].Name, err))
		}
	}
	for _, name := range d.RemovedRoutes {
		b.removeRoute(name)
	}
	slices.SortStableFunc(d.Routes, func(x, y messages.RouteSpec) int { return strings.Compare(x.Name, y.Name) })
	for i := range d.Routes {
		if err := b.setRoute(&d.Routes[i]); err != nil {
			b.faults = append(b.faults, fmt.Errorf("route %q: %w", d.Routes[i].Name, err))
		}
	}
	if len(b.faults) == 0 {
		return nil
	}
	for _, codec := range b.made {
		codec.Close()
	}
	for _, finder := range b.madeFinders {
		finder.Close()
	}
	return errors.Join(b.faults...)
}

func (b *change) removeRoute(name string) {
	t, hash := b.next, b.next.hasher.of(name)
	if r := t.routes.find(hash, name); r != nil {
		b.unplace(*r)
		t.routes.del(b.by, hash, name)
	}
}

// setRoute puts a route that is new or differs.
func (b *change) setRoute(spec *messages.RouteSpec) error {
	t, hash := b.next, b.next.hasher.of(spec.Name)
	var old *route
	if found := t.routes.find(hash, spec.Name); found != nil {
		old = *found
		if old.made == b.round {
			return errTwice
		}
	}
	r, err := newRoute(spec, old, t.hasher)
	if err != nil {
		return err
	}
	r.made = b.round
	if old != nil {
		b.unplace(old)
	}
	b.place(r)
	t.routes.put(b.by, hash, spec.Name, r)
	return nil
}

// place puts r into the index of its priority and host.
func (b *change) place(r *route) {
	b.use(r.spec.Upstream, 1)
	at, t := &r.place, b.next
	i, found := t.levels.search(at.priority)
	if !found {
		t.levels = slices.Insert(t.levels, i, &level{by: b.by, priority: at.priority})
	}
	l := t.levels[i].mine(b.by)
	t.levels[i] = l
	p := l.paths(t.hasher, at).mine(b.by)
	if winner, loser := p.add(b.by, t.hasher, r); loser != nil {
		b.shadowed = append(b.shadowed, shadowed{loser: loser.spec.Name, winner: winner.spec.Name})
	}
	l.setPaths(b.by, t.hasher, at, p)
}

// unplace takes r out of the index of its priority and host.
func (b *change) unplace(r *route) {
	b.use(r.spec.Upstream, -1)
	at, t := &r.place, b.next
	i, _ := t.levels.search(at.priority)
	l := t.levels[i].mine(b.by)
	t.levels[i] = l
	p := l.paths(t.hasher, at).mine(b.by)
	p.remove(b.by, t.hasher, r)
	if l.setPaths(b.by, t.hasher, at, p); l.empty() {
		t.levels = slices.Delete(t.levels, i, i+1)
	}
}

// commit puts the table in force. Codecs are closed after that; requests that
// hold one already are served by it all the same.
func (b *change) commit() {
	c := b.core
	for _, s := range b.shadowed {
		c.logger.Warn("route can never match", "route", s.loser, "shadowed_by", s.winner)
	}
	for _, d := range b.dropped {
		c.former.add(d.upstream, d.codec) // before the table, so that Cut finds it here or there
	}
	c.table.Store(b.next)
	for _, l := range b.limits {
		l.codec.SetLimits(l.transport)
	}
	for _, d := range b.dropped {
		d.codec.Close()
	}
	for _, finder := range b.droppedFinders {
		finder.Close()
	}
}

// errTwice is why a name is refused that came already.
var errTwice = errors.New("defined twice")
