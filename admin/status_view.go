package admin

import (
	"net/http"
	"time"

	"github.com/weirproxy/weir/messages"
)

// statusView sums up the instance.
type statusView struct {
	Version string    `json:"version"`
	Member  string    `json:"member"`
	Started time.Time `json:"started"`
	readinessView
	// NATS is where clients find events; empty = nowhere.
	NATS   string     `json:"nats,omitempty"`
	Counts countsView `json:"counts"`
	// LostRoutes are routes whose upstream is absent: they answer 503.
	LostRoutes []lostRouteView `json:"lost_routes"`
	// Shadowed are objects of a lower layer that a higher one hides.
	Shadowed []shadowedView `json:"shadowed,omitempty"`
}

// shadowedView is an object that is not in force, because a higher layer has the same.
type shadowedView struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Layer  string `json:"layer"`
	By     string `json:"by"`
	Detail string `json:"detail"`
}

// countsView counts upstreams, by state too, peers and requests.
type countsView struct {
	Upstreams int    `json:"upstreams"`
	Healthy   int    `json:"healthy"`
	Degraded  int    `json:"degraded"`
	Down      int    `json:"down"`
	Pending   int    `json:"pending"`
	Parked    int    `json:"parked"`
	Routes    int    `json:"routes"`
	Peers     int    `json:"peers"`
	Available int    `json:"available"`
	Waiting   int    `json:"waiting"`
	InFlight  int64  `json:"in_flight"`
	Requests  uint64 `json:"requests"`
	Failures  uint64 `json:"failures"`
}

// lostRouteView is a route whose upstream is absent.
type lostRouteView struct {
	Name     string `json:"name"`
	Upstream string `json:"upstream"`
}

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.status())
}

func (s *Server) status() statusView {
	upstreams := s.upstreams()
	v := statusView{Version: s.cfg.Version, Member: s.cfg.Member, Started: s.deps.Started.UTC(), NATS: s.deps.NATSAddr(),
		readinessView: s.readiness(), Counts: count(upstreams), LostRoutes: []lostRouteView{}}
	for _, h := range s.deps.Shadowed() {
		v.Shadowed = append(v.Shadowed, shadowedView{Kind: h.Kind, Name: h.Name, Layer: string(h.Layer), By: string(h.By), Detail: h.Detail})
	}
	there := map[string]bool{}
	for _, u := range upstreams {
		there[u.Name] = true
	}
	for _, r := range s.deps.Routes() {
		v.Counts.Routes++
		if r.Upstream != "" && !there[r.Upstream] {
			v.LostRoutes = append(v.LostRoutes, lostRouteView{Name: r.Name, Upstream: r.Upstream})
		}
	}
	return v
}

func count(upstreams []upstreamView) countsView {
	c := countsView{Upstreams: len(upstreams)}
	for _, u := range upstreams {
		switch u.State {
		case messages.StateHealthy.String():
			c.Healthy++
		case messages.StateDegraded.String():
			c.Degraded++
		case messages.StateDown.String():
			c.Down++
		default:
			c.Pending++
		}
		if u.Parked {
			c.Parked++
		}
		c.Peers += u.Total
		c.Available += u.Available
		c.Waiting += u.Waiting
		for _, p := range u.Peers {
			c.InFlight += p.InFlight
			c.Requests += p.Requests
			c.Failures += p.Failures
		}
	}
	return c
}
