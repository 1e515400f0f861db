package proxy

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/internal/meter"
)

// routeStats counts the requests of one route to one upstream. It lives as
// long as tables have a route of that name and upstream. Counting takes no lock
// and, after the first of its kind, no memory.
type routeStats struct {
	route, upstream string
	duration        *meter.Histogram
	growing         sync.Mutex
	listeners       atomic.Pointer[[]*listenerStats] // few; copied when one is added
}

// listenerStats counts by status what came in by one listener.
type listenerStats struct {
	name    string
	classes [5]atomic.Pointer[[100]atomic.Uint64] // 1xx to 5xx, made when first seen
	other   atomic.Uint64
}

func newRouteStats(route, upstream string) *routeStats {
	return &routeStats{route: route, upstream: upstream, duration: meter.NewHistogram(meter.LatencyBounds()...)}
}

// observe counts a request that came to its end.
func (s *routeStats) observe(listener string, status int, took time.Duration) {
	s.duration.Observe(took)
	s.listener(listener).count(status)
}

func (s *routeStats) listener(name string) *listenerStats {
	if l := s.find(name); l != nil {
		return l
	}
	s.growing.Lock()
	defer s.growing.Unlock()
	if l := s.find(name); l != nil {
		return l
	}
	var grown []*listenerStats
	if all := s.listeners.Load(); all != nil {
		grown = append(grown, *all...)
	}
	l := &listenerStats{name: name}
	grown = append(grown, l)
	s.listeners.Store(&grown)
	return l
}

func (s *routeStats) find(name string) *listenerStats {
	all := s.listeners.Load()
	if all == nil {
		return nil
	}
	for _, l := range *all {
		if l.name == name {
			return l
		}
	}
	return nil
}

func (l *listenerStats) count(status int) {
	class := status/100 - 1
	if class < 0 || class >= len(l.classes) {
		l.other.Add(1)
		return
	}
	slot := &l.classes[class]
	counts := slot.Load()
	if counts == nil {
		slot.CompareAndSwap(nil, new([100]atomic.Uint64))
		counts = slot.Load()
	}
	counts[status%100].Add(1)
}

// Collector is a Finder or a PeerCodec that has metrics of its own.
type Collector interface {
	// Collect emits samples that carry the labels.
	Collect(emit func(meter.Sample), labels ...meter.Label)
}

// Collect emits the samples of routes and upstreams that there are now.
func (c *Core) Collect(emit func(meter.Sample)) {
	t := c.table.Load()
	c.unrouted.collect(emit)
	for _, r := range t.routes.all() {
		(*r).stats.collect(emit)
	}
	for _, use := range t.upstreams.all() {
		use.upstream.collect(emit)
	}
}

func (s *routeStats) collect(emit func(meter.Sample)) {
	all := s.listeners.Load()
	if all == nil {
		return
	}
	for _, l := range *all {
		for class := range l.classes {
			counts := l.classes[class].Load()
			if counts == nil {
				continue
			}
			for i := range counts {
				if n := counts[i].Load(); n > 0 {
					emit(s.requests(l.name, strconv.Itoa((class+1)*100+i), n))
				}
			}
		}
		if n := l.other.Load(); n > 0 {
			emit(s.requests(l.name, "other", n))
		}
	}
	emit(meter.Sample{
		Name: "weir_request_duration_seconds", Kind: meter.Buckets,
		Help:   "Time from a request's head to the end of its response, or to the 101 of a tunnel.",
		Labels: []meter.Label{{Name: "route", Value: s.route}, {Name: "upstream", Value: s.upstream}},
		Hist:   s.duration.Data(),
	})
}

func (s *routeStats) requests(listener, code string, n uint64) meter.Sample {
	return meter.Sample{
		Name: "weir_requests_total", Kind: meter.Counter,
		Help: "Requests by the status that the client was sent; 499: the client went away before there was one.",
		Labels: []meter.Label{{Name: "listener", Value: listener}, {Name: "route", Value: s.route},
			{Name: "upstream", Value: s.upstream}, {Name: "code", Value: code}},
		Value: float64(n),
	}
}

func (u *Upstream) collect(emit func(meter.Sample)) {
	label := meter.Label{Name: "upstream", Value: u.Name()}
	for i, reason := range retryReasons {
		if n := u.state.retries[i].Load(); n > 0 {
			emit(meter.Sample{
				Name: "weir_retries_total", Kind: meter.Counter,
				Help:   "Attempts that followed another, by why that one failed.",
				Labels: []meter.Label{label, {Name: "reason", Value: string(reason)}},
				Value:  float64(n),
			})
		}
	}
	if u.codec != nil {
		if codec, ok := u.codec.PeerCodec.(Collector); ok {
			codec.Collect(emit, label)
		}
	}
	if finder, ok := u.finder.(Collector); ok {
		finder.Collect(emit, label)
	}
	if u.ref != nil {
		emit(meter.Sample{
			Name: "weir_waiting", Kind: meter.Gauge, Help: "Requests that wait for a peer.",
			Labels: []meter.Label{label}, Value: float64(u.ref.Waiting()),
		})
	}
}
