package control

import (
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/messages"
)

// plan says which upstreams to ensure before the routes of the new state are
// in force, and which to remove after.
func plan(old, desired messages.Desired) (before []messages.EnsureUpstream, after []messages.RemoveUpstream) {
	changes := config.Diff(old, desired)
	touched := map[string]bool{}
	for _, name := range changes.UpstreamsAdded {
		touched[name] = true
	}
	for _, name := range changes.UpstreamsChanged {
		touched[name] = true
	}
	for _, spec := range desired.Upstreams.All() {
		if touched[spec.Name] {
			before = append(before, messages.EnsureUpstream{Spec: spec})
		}
	}
	for _, name := range changes.UpstreamsRemoved {
		after = append(after, messages.RemoveUpstream{Name: name})
	}
	return before, after
}
