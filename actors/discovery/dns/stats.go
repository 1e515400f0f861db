package dns

import (
	"errors"
	"sync/atomic"

	"github.com/weirproxy/weir/internal/meter"
)

// results is how many results there are.
const results = 8

// stats counts lookups by result.
type stats struct{ results [results]atomic.Uint64 }

// resultNames returns the values of the label; result gives their index.
func resultNames() [results]string {
	return [results]string{"ok", "no_such_name", "no_data", "timeout", "unreachable", "servfail", "refused", "bad_answer"}
}

func result(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrNoSuchName):
		return 1
	case errors.Is(err, ErrNoData):
		return 2
	case errors.Is(err, ErrTimeout):
		return 3
	case errors.Is(err, ErrUnreachable):
		return 4
	case errors.Is(err, ErrServFail):
		return 5
	case errors.Is(err, ErrRefused):
		return 6
	}
	return 7
}

func (s *stats) count(err error) { s.results[result(err)].Add(1) }

// Collect emits the metrics of the lookups.
func (r *Resolver) Collect(emit func(meter.Sample)) {
	for i, name := range resultNames() {
		emit(meter.Sample{Name: "weir_dns_lookups_total", Help: "DNS lookups, one per name and record type, by result.", Kind: meter.Counter,
			Labels: []meter.Label{{Name: "result", Value: name}}, Value: float64(r.stats.results[i].Load())})
	}
	r.mu.Lock()
	names := len(r.names)
	r.mu.Unlock()
	emit(meter.Sample{Name: "weir_dns_names", Help: "Names that are remembered.", Kind: meter.Gauge, Value: float64(names)})
	emit(meter.Sample{Name: "weir_dns_in_flight", Help: "Questions that wait for a name server.", Kind: meter.Gauge, Value: float64(len(r.gate.all))})
}
