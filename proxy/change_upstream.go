package proxy

import (
	"github.com/weirproxy/weir/messages"
)

// setUpstream puts an upstream that is new or differs. It takes codec and state
// over from the one that has the name, where they fit.
func (b *change) setUpstream(spec *messages.UpstreamSpec) error {
	old := b.next.upstream(spec.Name)
	if old != nil && old.made == b.round && old.ref != nil {
		return errTwice
	}
	u := &Upstream{name: spec.Name, algo: spec.Algo, retry: spec.Retry, transport: spec.Transport,
		ref: b.core.registry.Ref(spec.Name), state: &upstreamState{}, made: b.round}
	if old != nil {
		u.state, u.codec = old.state, old.codec
	}
	if err := b.setFinder(u, old, spec.Discovery); err != nil {
		return err
	}
	switch {
	case u.codec == nil:
		u.codec = b.newCodec(spec.Transport, nil)
	case wireOf(old.transport) != wireOf(spec.Transport):
		b.dropped = append(b.dropped, droppedCodec{spec.Name, u.codec})
		u.codec = b.newCodec(spec.Transport, u.codec.PeerCodec)
	case old.transport != spec.Transport:
		b.limits = append(b.limits, newLimits{u.codec, spec.Transport})
	}
	if old == nil || old.ref == nil {
		b.next.defined++
	}
	b.put(u, b.users(u.name))
	return nil
}

// removeUpstream leaves of an upstream what routes that still name it need.
func (b *change) removeUpstream(name string) {
	u := b.next.upstream(name)
	if u == nil || u.ref == nil {
		return
	}
	b.next.defined--
	b.dropped = append(b.dropped, droppedCodec{u.name, u.codec})
	b.dropFinder(u)
	b.put(&Upstream{name: u.name, state: u.state}, b.users(u.name))
}

// setFinder gives a transparent upstream its Finder: that of old when it finds the same.
func (b *change) setFinder(u, old *Upstream, d messages.Discovery) error {
	same := old != nil && old.finder != nil && old.discovery.Equal(d)
	switch {
	case same:
		u.finder, u.discovery = old.finder, old.discovery
		return nil
	case d.Kind == messages.DiscoverTransparent:
		if b.core.newFinder == nil {
			return errNoFinder
		}
		finder, err := b.core.newFinder(d)
		if err != nil {
			return err
		}
		b.madeFinders = append(b.madeFinders, finder)
		u.finder, u.discovery = finder, d
	}
	if old != nil {
		b.dropFinder(old)
	}
	return nil
}

func (b *change) dropFinder(u *Upstream) {
	if u.finder != nil {
		b.droppedFinders = append(b.droppedFinders, u.finder)
	}
}

func (b *change) newCodec(t messages.Transport, former PeerCodec) *codecUse {
	codec := b.core.newCodec(t, former)
	b.made = append(b.made, codec)
	return &codecUse{codec}
}

// use counts a route that names an upstream, or one that does so no more.
func (b *change) use(name string, by int) {
	if name == "" {
		return // a redirect
	}
	u := b.next.upstream(name)
	if u == nil {
		u = &Upstream{name: name, state: &upstreamState{}}
	}
	b.put(u, b.users(name)+by)
}

func (b *change) users(name string) int {
	if use := b.next.upstreams.find(b.next.hasher.of(name), name); use != nil {
		return use.routes
	}
	return 0
}

// put sets an upstream and its number of routes. One that is not defined and
// that nobody names is forgotten.
func (b *change) put(u *Upstream, routes int) {
	hash := b.next.hasher.of(u.name)
	if u.ref == nil && routes == 0 {
		b.next.upstreams.del(b.by, hash, u.name)
		return
	}
	b.next.upstreams.put(b.by, hash, u.name, usage{u, routes})
}
