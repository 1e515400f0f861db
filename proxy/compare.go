package proxy

import (
	"fmt"

	"github.com/weirproxy/weir/messages"
)

// compare returns what of d differs from the table in force. It looks at each
// object once and allocates nothing for those that are the same. What comes
// twice is a fault.
func (b *change) compare(d messages.Desired) (diff Delta) {
	b.compareUpstreams(d.Upstreams, &diff)
	b.compareRoutes(d.Routes, &diff)
	return diff
}

func (b *change) compareUpstreams(specs messages.List[messages.UpstreamSpec], diff *Delta) {
	known := 0
	for _, spec := range specs.All() {
		u := b.old.upstream(spec.Name)
		switch {
		case u == nil || u.ref == nil:
			diff.Upstreams = append(diff.Upstreams, spec)
			continue
		case u.wanted == b.round:
			b.faults = append(b.faults, fmt.Errorf("upstream %q: %w", spec.Name, errTwice))
			continue
		}
		known++
		if u.wanted = b.round; !u.wants(&spec) {
			diff.Upstreams = append(diff.Upstreams, spec)
		}
	}
	if known == b.old.defined {
		return
	}
	for name, use := range b.old.upstreams.all() {
		if use.upstream.ref != nil && use.upstream.wanted != b.round {
			diff.RemovedUpstreams = append(diff.RemovedUpstreams, name)
		}
	}
}

func (b *change) compareRoutes(specs messages.List[messages.RouteSpec], diff *Delta) {
	known, t := 0, b.old
	for _, spec := range specs.All() {
		found := t.routes.find(t.hasher.of(spec.Name), spec.Name)
		if found == nil {
			diff.Routes = append(diff.Routes, spec)
			continue
		}
		r := *found
		if r.wanted == b.round {
			b.faults = append(b.faults, fmt.Errorf("route %q: %w", spec.Name, errTwice))
			continue
		}
		known++
		if r.wanted = b.round; !r.spec.Equal(spec) {
			diff.Routes = append(diff.Routes, spec)
		}
	}
	if known == t.routes.size {
		return
	}
	for name, r := range t.routes.all() {
		if (*r).wanted != b.round {
			diff.RemovedRoutes = append(diff.RemovedRoutes, name)
		}
	}
}
