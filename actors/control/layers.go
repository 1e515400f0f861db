package control

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirproxy/weir/messages"
)

// layers is what each layer desires last. It does not change.
type layers struct{ file, labels messages.Desired }

// with returns the layers with another state of one of them.
func (l layers) with(desired messages.Desired) layers {
	if desired.Layer == messages.LayerLabels {
		l.labels = desired
	} else {
		l.file = desired
	}
	return l
}

// merge returns what all layers desire together. Of what has the same name in
// two, the higher one's counts; and a route of labels does not take a host and
// path that the file has under another name. Alone, the file is returned as it is.
func (l layers) merge() messages.Desired {
	if l.labels.Upstreams.Len()+l.labels.Routes.Len() == 0 {
		return messages.Desired{Layer: messages.LayerFile, Upstreams: l.file.Upstreams, Routes: l.file.Routes}
	}
	upstreams, routes := l.file.Upstreams.Slice(), l.file.Routes.Slice()
	var shadowed []messages.Shadowed
	hide := func(kind, name, detail string) {
		shadowed = append(shadowed, messages.Shadowed{Kind: kind, Name: name, Layer: messages.LayerLabels, By: messages.LayerFile, Detail: detail})
	}
	named := map[string]bool{}
	for _, u := range upstreams {
		named[u.Name] = true
	}
	for _, u := range l.labels.Upstreams.All() {
		if named[u.Name] {
			hide("upstream", u.Name, "the file has an upstream of that name; rename or remove one of them")
			continue
		}
		upstreams = append(upstreams, u)
	}
	type place struct {
		host string
		path messages.PathRule
	}
	byName, byPlace := map[string]bool{}, map[place]string{}
	for _, r := range routes {
		byName[r.Name] = true
		byPlace[place{r.Host, r.Path}] = r.Name
	}
	for _, r := range l.labels.Routes.All() {
		switch other := byPlace[place{r.Host, r.Path}]; {
		case byName[r.Name]:
			hide("route", r.Name, "the file has a route of that name; rename or remove one of them")
		case other != "":
			hide("route", r.Name, fmt.Sprintf("the route %s of the file has the same host and path; change weir.host or weir.path, or remove that route", other))
		default:
			routes = append(routes, r)
		}
	}
	slices.SortStableFunc(upstreams, func(a, b messages.UpstreamSpec) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(routes, func(a, b messages.RouteSpec) int { return cmp.Compare(a.Name, b.Name) })
	return messages.Desired{Layer: messages.LayerFile, Upstreams: messages.ListOf(upstreams...), Routes: messages.ListOf(routes...),
		Shadowed: messages.ListOf(shadowed...)}
}
