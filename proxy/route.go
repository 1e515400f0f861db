package proxy

import (
	"errors"
	"strings"
	"sync/atomic"

	"github.com/weirproxy/weir/messages"
)

// route is a route as a table has it. It does not change, but for what it
// points to: counters that outlive the table.
type route struct {
	spec         messages.RouteSpec
	place        place
	upstreamHash uint64 // of spec.Upstream, see table.upstreamOf
	host         hostRule
	path         pathEdit
	request      headerEdit
	response     headerEdit
	redirect     redirect
	inFlight     *atomic.Int64
	stats        *routeStats
	// made and wanted are the numbers of the change that made this and of the one
	// that wanted it last. Only changes look at them, of which there is one at a time.
	made, wanted uint64
}

// newRoute checks a spec and makes what requests need of it. It takes the
// counters of old over, the route that had the name before, if there is one.
func newRoute(spec *messages.RouteSpec, old *route, h hasher) (r *route, err error) {
	r = &route{spec: *spec, upstreamHash: h.of(spec.Upstream), host: newHostRule(spec.HostHeader)}
	if r.place, err = newPlace(spec); err != nil {
		return nil, err
	}
	for _, step := range []func(*messages.RouteSpec) error{r.setRedirect, r.setPath, r.setHeaders} {
		if err := step(spec); err != nil {
			return nil, err
		}
	}
	if spec.Upstream == "" && r.redirect.to == nil {
		return nil, errors.New("names neither an upstream nor a redirect")
	}
	if old != nil {
		r.inFlight = old.inFlight
		if old.spec.Upstream == spec.Upstream {
			r.stats = old.stats
		}
	}
	if r.inFlight == nil {
		r.inFlight = &atomic.Int64{}
	}
	if r.stats == nil {
		r.stats = newRouteStats(spec.Name, spec.Upstream)
	}
	return r, nil
}

// admit applies the limits of the route and sets the time by which the
// exchange must be over.
func (r *route) admit(x *Exchange) messages.Code {
	t := &x.core.trip
	if most := r.spec.MaxRequests; most > 0 {
		if r.inFlight.Add(1) > int64(most) {
			r.inFlight.Add(-1)
			return messages.CodeRouteLimit
		}
		t.admitted = true
	}
	if r.spec.MaxBody > 0 && x.Request.ContentLength > r.spec.MaxBody {
		return messages.CodeBodyTooLarge
	}
	if r.spec.Timeout > 0 {
		x.Deadline = t.start.Add(r.spec.Timeout)
	}
	return fine
}

// leave undoes admit.
func (r *route) leave(x *Exchange) {
	if t := &x.core.trip; t.admitted {
		t.admitted = false
		r.inFlight.Add(-1)
	}
}

// edit changes path and header of the request as the route says.
func (r *route) edit(x *Exchange) messages.Code {
	if code := r.path.apply(x); code != fine {
		return code
	}
	r.request.apply(&x.Request.Header)
	return fine
}

// hostRule says what the peer gets as Host: what the client named, the peer's
// address, or a name.
type hostRule struct {
	peer bool
	name string
}

func newHostRule(text string) hostRule {
	switch text {
	case "", "keep":
		return hostRule{}
	case "peer":
		return hostRule{peer: true}
	}
	return hostRule{name: text}
}

// authority returns the Host for the peer at addr.
func (h hostRule) authority(kept, addr string) string {
	switch {
	case h.peer && strings.HasPrefix(addr, "unix:"):
		return "localhost"
	case h.peer:
		return addr
	case h.name != "":
		return h.name
	}
	return kept
}
