package notifier

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// stats counts what the notifier did. It lives in the Feed.
type stats struct {
	numbered  atomic.Uint64 // events numbered by the notifier
	published atomic.Uint64
	failed    atomic.Uint64
	unknown   atomic.Uint64 // messages that were no event
	allFlips  atomic.Uint64

	// outage is how many events could not be published since the last that
	// could. The notifier alone uses it.
	outage uint64

	mu    sync.Mutex
	flips map[flipKey]uint64
}

type flipKey struct{ upstream, to string }

// count counts an event by what it is.
func (s *stats) count(event messages.Event) {
	switch m := event.(type) {
	case messages.Flipped:
		s.allFlips.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flips[flipKey{m.Upstream, m.To.String()}]++
	case messages.UpstreamChanged:
		if m.Change != messages.UpstreamRemoved {
			return
		}
		// Names come and go: what is gone takes no memory and has no series.
		s.mu.Lock()
		defer s.mu.Unlock()
		maps.DeleteFunc(s.flips, func(k flipKey, _ uint64) bool { return k.upstream == m.Upstream })
	}
}

// Flips returns how many flips there were since the start.
func (f *Feed) Flips() uint64 { return f.stats.allFlips.Load() }

// Collect emits the metrics of events. It implements meter.Source.
func (f *Feed) Collect(emit func(meter.Sample)) {
	s := &f.stats
	counter := func(name, help string, value uint64) {
		emit(meter.Sample{Name: name, Help: help, Kind: meter.Counter, Value: float64(value)})
	}
	counter("weir_events_published_total", "Events published to NATS.", s.published.Load())
	counter("weir_events_failed_total", "Events that could not be published to NATS.", s.failed.Load())
	counter("weir_events_unknown_total", "Messages to the notifier that it did not understand.", s.unknown.Load())
	s.mu.Lock()
	flips := maps.Clone(s.flips)
	s.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(flips), func(a, b flipKey) int {
		return cmp.Or(cmp.Compare(a.upstream, b.upstream), cmp.Compare(a.to, b.to))
	})
	for _, k := range keys {
		emit(meter.Sample{Name: "weir_flips_total", Help: "Changes of verdicts, by the new verdict.", Kind: meter.Counter, Value: float64(flips[k]),
			Labels: []meter.Label{{Name: "upstream", Value: k.upstream}, {Name: "to", Value: k.to}}})
	}
}
