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

// peerView is a peer as the API shows it.
type peerView struct {
	Addr      string    `json:"addr"`
	Weight    int       `json:"weight"`
	Tier      int       `json:"tier"`
	Verdict   string    `json:"verdict"`
	Since     time.Time `json:"since,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	Available bool      `json:"available"`
	InFlight  int64     `json:"in_flight"`
	Requests  uint64    `json:"requests"`
	Failures  uint64    `json:"failures"`
	// LastProbe is nil until there was one.
	LastProbe *probeView `json:"last_probe,omitempty"`
}

// probeView is the result of a probe.
type probeView struct {
	At     time.Time `json:"at"`
	TookMs float64   `json:"took_ms"`
	LateMs float64   `json:"late_ms"`
	Code   string    `json:"code"`
	Detail string    `json:"detail,omitempty"`
}

func (s *Server) serveUpstreams(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, struct {
		Upstreams []upstreamView `json:"upstreams"`
	}{s.upstreams()})
}

func (s *Server) serveUpstream(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	var names []string
	for _, u := range s.upstreams() {
		if u.Name == name {
			reply(w, http.StatusOK, u)
			return
		}
		names = append(names, u.Name)
	}
	message := "there is no upstream " + quote(name)
	if near := nearest(name, names); near != "" {
		message += "; did you mean " + quote(near) + "?"
	} else {
		message += knownText("; there are ", names)
	}
	replyError(w, http.StatusNotFound, string(messages.CodeNoUpstream), message)
}

// upstreams returns the upstreams that are wanted and those that still serve,
// sorted by name.
func (s *Server) upstreams() []upstreamView {
	specs := map[string]messages.UpstreamSpec{}
	for _, spec := range s.deps.Upstreams() {
		specs[spec.Name] = spec
	}
	refs := map[string]*balance.Ref{}
	for _, ref := range s.deps.Registry.Refs() {
		if _, wanted := specs[ref.Name()]; wanted || ref.Snapshot() != nil {
			refs[ref.Name()] = ref
		}
	}
	routes := map[string][]routeView{}
	for _, r := range s.deps.Routes() {
		routes[r.Upstream] = append(routes[r.Upstream], routeView{Name: r.Name, Host: r.Host, Path: pathText(r.Path)})
	}
	names := maps.Clone(refs)
	for name := range specs {
		names[name] = refs[name]
	}
	views := make([]upstreamView, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		v := upstreamView{Name: name, State: messages.StatePending.String(), Routes: routes[name], Peers: []peerView{}}
		if v.Routes == nil {
			v.Routes = []routeView{}
		}
		if spec, wanted := specs[name]; wanted {
			v.Algo = spec.Algo.String()
			v.Check = &checkView{Kind: string(spec.Check.Kind), FrequencyMs: milliseconds(spec.Check.Frequency),
				Success: spec.Check.Success, Failure: spec.Check.Failure}
		}
		v.look(refs[name])
		views = append(views, v)
	}
	return views
}

// look fills in what is in force; nothing is, when ref is nil.
func (v *upstreamView) look(ref *balance.Ref) {
	if ref == nil {
		return
	}
	v.Waiting = ref.Waiting()
	snapshot := ref.Snapshot()
	if snapshot == nil {
		return
	}
	v.State, v.Parked, v.Algo = snapshot.State().String(), snapshot.Parked(), snapshot.Policy().Algo.String()
	v.Available, v.Total = snapshot.Available(), snapshot.Len()
	v.Peers = make([]peerView, 0, v.Total)
	for _, m := range snapshot.Members() {
		v.Peers = append(v.Peers, newPeerView(m))
	}
}

func newPeerView(m balance.Member) peerView {
	p := m.Peer
	code, detail := p.Reason()
	v := peerView{Addr: p.Addr(), Weight: m.Weight, Tier: m.Tier, Verdict: p.Verdict().String(), Since: p.Since().UTC(),
		Reason: string(code), Detail: detail, Available: m.Available,
		InFlight: p.InFlight(), Requests: p.Requests(), Failures: p.Failures()}
	if probe, ok := p.LastProbe(); ok {
		v.LastProbe = &probeView{At: probe.At.UTC(), TookMs: milliseconds(probe.Took), LateMs: milliseconds(probe.Late),
			Code: string(probe.Code), Detail: probe.Detail}
	}
	return v
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
