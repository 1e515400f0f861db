package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// table is everything that requests are routed by. It does not change.
type table struct {
	levels    []level // by priority, higher first
	routes    map[string]*route
	upstreams map[string]*Upstream // defined ones, and those that only routes speak of
}

// match returns the route for a host and a path as readTarget made them, or
// nil. It does not allocate.
func (t *table) match(host, path string) *route {
	for i := range t.levels {
		if r := t.levels[i].match(host, path); r != nil {
			return r
		}
	}
	return nil
}

// closeUnusedCodecs closes the codecs that next does not use.
func (t *table) closeUnusedCodecs(next *table) {
	for name, u := range t.upstreams {
		if u.codec == nil {
			continue
		}
		if other := next.upstreams[name]; other == nil || other.codec != u.codec {
			u.codec.Close()
		}
	}
}

// tableBuilder makes a table out of the desired state and the table before.
type tableBuilder struct {
	core     *Core
	old      *table
	next     *table
	shadowed []shadowed
	made     []PeerCodec
	faults   []error
}

// shadowed is a route that can never match, because another has the same rule.
type shadowed struct{ loser, winner string }

func newTableBuilder(c *Core, old *table) *tableBuilder {
	return &tableBuilder{core: c, old: old, next: &table{
		routes: map[string]*route{}, upstreams: map[string]*Upstream{},
	}}
}

// build returns the table, or every fault in d. Routes are taken in the order
// of their names, so that of two equal rules the first name wins.
func (b *tableBuilder) build(d messages.Desired) (*table, error) {
	for _, spec := range d.Upstreams.All() {
		b.addUpstream(spec)
	}
	specs := d.Routes.Slice()
	slices.SortStableFunc(specs, func(x, y messages.RouteSpec) int { return strings.Compare(x.Name, y.Name) })
	levels := map[int]*level{}
	for i := range specs {
		r, err := b.newRoute(&specs[i])
		if err != nil {
			b.faults = append(b.faults, fmt.Errorf("route %q: %w", specs[i].Name, err))
			continue
		}
		b.place(levels, r)
	}
	if len(b.faults) > 0 {
		for _, codec := range b.made {
			codec.Close()
		}
		return nil, errors.Join(b.faults...)
	}
	for _, l := range levels {
		l.finish()
		b.next.levels = append(b.next.levels, *l)
	}
	slices.SortFunc(b.next.levels, func(x, y level) int { return cmp.Compare(y.priority, x.priority) })
	return b.next, nil
}

// addUpstream takes codec and state over from the old table where they fit.
func (b *tableBuilder) addUpstream(spec messages.UpstreamSpec) {
	if b.next.upstreams[spec.Name] != nil {
		b.faults = append(b.faults, fmt.Errorf("upstream %q: defined twice", spec.Name))
		return
	}
	u := &Upstream{spec: spec, ref: b.core.registry.Ref(spec.Name), state: b.stateOf(spec.Name)}
	if old := b.old.upstreams[spec.Name]; old != nil && old.codec != nil && old.spec.Transport == spec.Transport {
		u.codec = old.codec
	} else {
		u.codec = b.core.newCodec(spec.Transport)
		b.made = append(b.made, u.codec)
	}
	b.next.upstreams[spec.Name] = u
}

// upstream returns the named upstream; one that is not defined answers no_upstream.
func (b *tableBuilder) upstream(name string) *Upstream {
	u := b.next.upstreams[name]
	if u == nil {
		u = &Upstream{spec: messages.UpstreamSpec{Name: name}, state: b.stateOf(name)}
		b.next.upstreams[name] = u
	}
	return u
}

func (b *tableBuilder) stateOf(name string) *upstreamState {
	if old := b.old.upstreams[name]; old != nil {
		return old.state
	}
	return &upstreamState{}
}

// place puts r into the index of its priority and host.
func (b *tableBuilder) place(levels map[int]*level, r *route) {
	if b.next.routes[r.spec.Name] != nil {
		b.faults = append(b.faults, fmt.Errorf("route %q: defined twice", r.spec.Name))
		return
	}
	b.next.routes[r.spec.Name] = r
	l := levels[r.spec.Priority]
	if l == nil {
		l = newLevel(r.spec.Priority)
		levels[r.spec.Priority] = l
	}
	paths, err := l.paths(r.spec.Host)
	if err != nil {
		b.faults = append(b.faults, fmt.Errorf("route %q: %w", r.spec.Name, err))
		return
	}
	winner, err := paths.add(r)
	switch {
	case err != nil:
		b.faults = append(b.faults, fmt.Errorf("route %q: %w", r.spec.Name, err))
	case winner != nil:
		b.shadowed = append(b.shadowed, shadowed{loser: r.spec.Name, winner: winner.spec.Name})
	}
}

func compile(what, pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", what, pattern, err)
	}
	return re, nil
}
