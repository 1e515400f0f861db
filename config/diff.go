package config

import (
	"slices"

	"github.com/weirproxy/weir/messages"
)

// Changes are the names of what differs between two desired states, each list
// sorted.
type Changes struct {
	UpstreamsAdded, UpstreamsChanged, UpstreamsRemoved []string
	RoutesAdded, RoutesChanged, RoutesRemoved          []string
}

// Empty tells whether nothing differs.
func (c Changes) Empty() bool {
	return len(c.UpstreamsAdded)+len(c.UpstreamsChanged)+len(c.UpstreamsRemoved)+
		len(c.RoutesAdded)+len(c.RoutesChanged)+len(c.RoutesRemoved) == 0
}

// Diff returns what it takes to come from one desired state to the next. What
// is equal is not named, so that it keeps its peers and their health; the order
// of upstreams and routes does not count.
func Diff(from, to messages.Desired) Changes {
	var c Changes
	c.UpstreamsAdded, c.UpstreamsChanged, c.UpstreamsRemoved = diffByName(from.Upstreams, to.Upstreams,
		func(s messages.UpstreamSpec) string { return s.Name }, messages.UpstreamSpec.Equal)
	c.RoutesAdded, c.RoutesChanged, c.RoutesRemoved = diffByName(from.Routes, to.Routes,
		func(s messages.RouteSpec) string { return s.Name }, messages.RouteSpec.Equal)
	return c
}

func diffByName[T any](from, to messages.List[T], name func(T) string, equal func(T, T) bool) (added, changed, removed []string) {
	before := make(map[string]T, from.Len())
	for _, spec := range from.All() {
		before[name(spec)] = spec
	}
	for _, spec := range to.All() {
		old, was := before[name(spec)]
		switch {
		case !was:
			added = append(added, name(spec))
		case !equal(old, spec):
			changed = append(changed, name(spec))
		}
		delete(before, name(spec))
	}
	for gone := range before {
		removed = append(removed, gone)
	}
	for _, names := range [][]string{added, changed, removed} {
		slices.Sort(names)
	}
	return added, changed, removed
}
