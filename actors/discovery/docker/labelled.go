package docker

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Labelled is the full set of upstreams and routes that labels ask for. Its
// slices are shared and never change.
type Labelled struct {
	// Upstreams are in the order of their names.
	Upstreams []LabelledUpstream
	// Routes are in the order of their names.
	Routes []LabelledRoute
	// Notes are about containers whose labels, or some of them, were not followed.
	Notes []Note
}

// LabelledUpstream is an upstream that labels ask for.
type LabelledUpstream struct {
	// Name is [A-Za-z0-9_-]{1,63}.
	Name string
	// Selector picks its peers: the enabled containers with that label.
	Selector Selector
}

// LabelledRoute is a route that labels ask for.
type LabelledRoute struct {
	// Name is the upstream's.
	Name, Upstream string
	// Host is exact, "*.suffix" or empty for any; lower case.
	Host string
	// Path is the rule; the zero value is any path.
	Path messages.PathRule
}

// same tells whether two ask for the same.
func (l Labelled) same(o Labelled) bool {
	return slices.Equal(l.Upstreams, o.Upstreams) && slices.Equal(l.Routes, o.Routes) && slices.Equal(l.Notes, o.Notes)
}

// linger is how long an upstream and its route stay after their last container
// was gone: one that is being replaced comes back, and its requests wait meanwhile.
const linger = 30 * time.Second

// labelled makes a Labelled of the picture, and delivers it.
type labelled struct {
	auto  bool
	dirty bool
	out   chan Labelled
	told  bool
	last  Labelled
	// wanted is what was asked for lately, by upstream.
	wanted map[string]wanted
}

// wanted is one upstream that was asked for. goneAt is when its last container
// was gone; zero = there is one.
type wanted struct {
	route  *LabelledRoute
	goneAt time.Time
}

func newLabelled(auto bool) *labelled {
	return &labelled{auto: auto, dirty: true, out: make(chan Labelled, 1), wanted: map[string]wanted{}}
}

// publish delivers what labels ask for when that may differ, and returns when
// it may differ again by itself; zero = never. Nothing is told before a list was read.
func (l *labelled) publish(p *picture, now time.Time, listed bool) time.Time {
	if !l.auto || !listed {
		return time.Time{}
	}
	var next time.Time
	for name, w := range l.wanted {
		end := w.goneAt.Add(linger)
		switch {
		case w.goneAt.IsZero():
		case !now.Before(end):
			delete(l.wanted, name)
			l.dirty = true
		case next.IsZero() || end.Before(next):
			next = end
		}
	}
	if !l.dirty {
		return next
	}
	l.dirty = false
	var containers []*container
	for _, values := range p.byLabel[labelEnable] {
		for id := range values {
			containers = append(containers, p.containers[id])
		}
	}
	l.deliver(l.gather(containers, now))
	if next.IsZero() {
		next = now.Add(linger) // something may have begun to linger
	}
	return next
}

// gather makes the full set of what these containers ask for, and of what
// lingers, and remembers it.
func (l *labelled) gather(containers []*container, now time.Time) Labelled {
	slices.SortFunc(containers, older)
	asked, notes := read(containers)
	for name, w := range l.wanted {
		if _, still := asked[name]; !still && w.goneAt.IsZero() {
			w.goneAt = now
			l.wanted[name] = w
		}
	}
	for name, route := range asked {
		l.wanted[name] = wanted{route: route}
	}
	set := Labelled{Notes: notes}
	taken := map[string]bool{}
	for _, route := range asked {
		if route != nil {
			taken[route.key()] = true
		}
	}
	for name, w := range l.wanted {
		set.Upstreams = append(set.Upstreams, LabelledUpstream{Name: name, Selector: Selector{Label: labelUpstream, Value: name}})
		if w.route != nil && (w.goneAt.IsZero() || !taken[w.route.key()]) {
			set.Routes = append(set.Routes, *w.route)
			taken[w.route.key()] = true
		}
	}
	set.tidy()
	return set
}

// deliver makes set the next to be taken, unless it is the last again.
func (l *labelled) deliver(set Labelled) {
	if l.told && l.last.same(set) {
		return
	}
	l.told, l.last = true, set
	select {
	case <-l.out:
	default:
	}
	l.out <- set // the place is free: nobody else puts one there
}

// read reads the labels of containers, the oldest first: whoever came first is
// followed where two contradict each other. It returns the upstreams asked for,
// with the route if there is one.
func read(containers []*container) (asked map[string]*LabelledRoute, notes []Note) {
	asked = map[string]*LabelledRoute{}
	routeOf := map[string]*container{} // who asked for an upstream's route
	taken := map[string]*container{}   // who asked for a host and path
	note := func(c *container, format string, args ...any) {
		notes = append(notes, Note{Kind: NoteWarning, Container: shorten(c.name), Text: fmt.Sprintf(format, args...)})
	}
	for _, c := range containers {
		name, err := upstreamName(c.labels)
		if err != nil {
			notes = append(notes, Note{Kind: NoteFault, Container: shorten(c.name), Text: err.Error()})
			continue
		}
		if name == "" {
			continue
		}
		if _, known := asked[name]; !known {
			asked[name] = nil
		}
		route, err := routeFrom(name, c.labels)
		switch {
		case err != nil:
			note(c, "it makes no route: %v", err)
			continue
		case route == nil:
			continue
		}
		key := route.key()
		switch before := routeOf[name]; {
		case before == nil && taken[key] != nil:
			note(c, "it makes no route: container %q, which is older, has %s for upstream %q already", shorten(taken[key].name), route, taken[key].labels[labelUpstream])
		case before == nil:
			asked[name], routeOf[name], taken[key] = route, c, c
		case asked[name].key() != key:
			note(c, "it asks for %s, and container %q, which is older, for %s: upstream %q follows the older", route, shorten(before.name), asked[name], name)
		}
	}
	return asked, notes
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)
