package admin

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// upstreamView is an upstream as the API shows it.
type upstreamView struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Parked: its actor is given up for now, its last snapshot serves.
	Parked bool   `json:"parked"`
	Algo   string `json:"algo"`
	// Check is nil while the upstream is not desired any more.
	Check     *checkView  `json:"check,omitempty"`
	Routes    []routeView `json:"routes"`
	Available int         `json:"available"`
	// Total counts Peers.
	Total int `json:"total"`
	// Waiting counts requests that wait for a peer.
	Waiting int        `json:"waiting"`
	Peers   []peerView `json:"peers"`
	// Draining are peers that left the set and still have requests.
	Draining []drainView `json:"draining,omitempty"`
	// Transparent: it has no peers, each request names its own destination.
	Transparent bool `json:"transparent,omitempty"`
	// Discovery is nil until it said something.
	Discovery *discoveryView `json:"discovery,omitempty"`
}

// checkView says how peers are probed.
type checkView struct {
	Kind        string  `json:"kind"`
	FrequencyMs float64 `json:"frequency_ms"`
	Success     int     `json:"success"`
	Failure     int     `json:"failure"`
}

// routeView is a route that leads to an upstream.
type routeView struct {
	Name string `json:"name"`
	Host string `json:"host"`
	Path string `json:"path"`
}

// upstreamsView is the body of /api/v1/upstreams.
type upstreamsView struct {
	Upstreams []upstreamView `json:"upstreams"`
}

func (s *Server) serveUpstreams(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, upstreamsView{s.upstreams()})
}

func (s *Server) serveUpstream(w http.ResponseWriter, r *http.Request) {
	view, message, ok := s.upstream(r.PathValue("name"))
	if !ok {
		replyError(w, http.StatusNotFound, string(messages.CodeNoUpstream), message)
		return
	}
	reply(w, http.StatusOK, view)
}

// upstream returns one upstream, or what to say when there is none.
func (s *Server) upstream(name string) (view upstreamView, message string, ok bool) {
	specs, refs := s.present()
	if ref, there := refs[name]; there {
		var routes []routeView
		for _, r := range s.deps.Routes() {
			if r.Upstream == name {
				routes = append(routes, newRouteView(r))
			}
		}
		return newUpstreamView(name, specs, ref, routes), "", true
	}
	names := slices.Sorted(maps.Keys(refs))
	message = "there is no upstream " + quote(name)
	if near := nearest(name, names); near != "" {
		return view, message + "; did you mean " + quote(near) + "?", false
	}
	return view, message + knownText("; there are ", names), false
}

// upstreams returns the upstreams that are wanted and those that still serve,
// sorted by name.
func (s *Server) upstreams() []upstreamView {
	specs, refs := s.present()
	routes := map[string][]routeView{}
	for _, r := range s.deps.Routes() {
		routes[r.Upstream] = append(routes[r.Upstream], newRouteView(r))
	}
	views := make([]upstreamView, 0, len(refs))
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		views = append(views, newUpstreamView(name, specs, refs[name], routes[name]))
	}
	return views
}

// present returns the specs that are wanted, and for these and for all that
// still serve their Ref, by name; nil where nothing is in force yet.
func (s *Server) present() (specs map[string]messages.UpstreamSpec, refs map[string]*balance.Ref) {
	specs, refs = map[string]messages.UpstreamSpec{}, map[string]*balance.Ref{}
	for _, spec := range s.deps.Upstreams() {
		specs[spec.Name] = spec
		refs[spec.Name] = nil
	}
	for _, ref := range s.deps.Registry.Refs() {
		if _, wanted := specs[ref.Name()]; wanted || ref.Snapshot() != nil {
			refs[ref.Name()] = ref
		}
	}
	return specs, refs
}

func newUpstreamView(name string, specs map[string]messages.UpstreamSpec, ref *balance.Ref, routes []routeView) upstreamView {
	v := upstreamView{Name: name, State: messages.StatePending.String(), Routes: routes, Peers: []peerView{}}
	if v.Routes == nil {
		v.Routes = []routeView{}
	}
	if spec, wanted := specs[name]; wanted {
		v.Algo = spec.Algo.String()
		v.Check = &checkView{Kind: string(spec.Check.Kind), FrequencyMs: milliseconds(spec.Check.Frequency),
			Success: spec.Check.Success, Failure: spec.Check.Failure}
	}
	v.look(ref)
	return v
}

func newRouteView(r messages.RouteSpec) routeView {
	return routeView{Name: r.Name, Host: r.Host, Path: pathText(r.Path)}
}

// look fills in what is in force; nothing is, when ref is nil.
func (v *upstreamView) look(ref *balance.Ref) {
	if ref == nil {
		return
	}
	v.Waiting = ref.Waiting()
	for _, d := range ref.Draining() {
		v.Draining = append(v.Draining, newDrainView(d))
	}
	if d, ok := ref.LastDiscovery(); ok {
		v.Discovery = newDiscoveryView(d, time.Now())
	}
	snapshot := ref.Snapshot()
	if snapshot == nil {
		return
	}
	v.State, v.Parked, v.Algo = snapshot.State().String(), snapshot.Parked(), snapshot.Policy().Algo.String()
	if v.Transparent = snapshot.Policy().Transparent; v.Transparent {
		v.Algo = string(messages.DiscoverTransparent)
	}
	v.Available, v.Total = snapshot.Available(), snapshot.Len()
	v.Peers = make([]peerView, 0, v.Total)
	for _, m := range snapshot.Members() {
		v.Peers = append(v.Peers, newPeerView(m))
	}
}

// pathText prints a rule for paths as it is written in the file.
func pathText(rule messages.PathRule) string {
	switch rule.Kind {
	case messages.PathAny:
		return "/"
	case messages.PathExact:
		return "=" + rule.Value
	case messages.PathRegexp:
		return "~" + rule.Value
	}
	return rule.Value
}

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
