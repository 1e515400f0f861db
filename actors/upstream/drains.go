package upstream

import (
	"time"

	"github.com/weirproxy/weir/balance"
)

// Messages about drains, which outlive an upstream and so are the manager's.
type (
	// drainBegan, from an upstream: peers of it left.
	drainBegan struct{ upstream string }
	// drainDue, from the manager to itself: a drain is to end.
	drainDue struct{}
)

// drains knows when the drains of all upstreams end. What drains, and until
// when, stands in the Refs; so a crash loses nothing.
type drains struct {
	registry    *balance.Registry
	cut, retire func(upstream, addr string)
	// ends is when the next drain of an upstream ends, for those that have one.
	ends map[string]time.Time
}

// adoptDrains begins with what an earlier incarnation left.
func adoptDrains(registry *balance.Registry, cut, retire func(upstream, addr string)) *drains {
	d := &drains{registry: registry, cut: cut, retire: retire, ends: map[string]time.Time{}}
	for ref := range registry.All() {
		d.look(ref)
	}
	return d
}

// note takes that peers of an upstream left, and returns next.
func (d *drains) note(upstream string) time.Time {
	d.look(d.registry.Ref(upstream))
	return d.next()
}

func (d *drains) look(ref *balance.Ref) {
	if next, ok := ref.NextDeadline(); ok {
		d.ends[ref.Name()] = next
	} else {
		delete(d.ends, ref.Name())
	}
}

// next returns when the next drain ends; zero = there is none.
func (d *drains) next() (next time.Time) {
	for _, end := range d.ends {
		if next.IsZero() || end.Before(next) {
			next = end
		}
	}
	return next
}

// end ends the drains whose time is up: requests in flight are cut. Where there
// are none, connections may have become idle since the peer left. It returns next.
func (d *drains) end(now time.Time) time.Time {
	for name, end := range d.ends {
		if now.Before(end) {
			continue
		}
		ref := d.registry.Ref(name)
		for _, peer := range ref.EndDrains(now) {
			switch _, back := ref.Known(peer.Addr()); {
			case back: // in this moment
			case peer.InFlight() > 0:
				d.cut(name, peer.Addr())
			default:
				d.retire(name, peer.Addr())
			}
		}
		d.look(ref)
	}
	return d.next()
}

// orNobody returns fn, or what asks nobody.
func orNobody(fn func(upstream, addr string)) func(upstream, addr string) {
	if fn == nil {
		return func(string, string) {}
	}
	return fn
}
