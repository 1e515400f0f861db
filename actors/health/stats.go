package health

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// Stats measures the probes of the process. Make it with NewStats.
type Stats struct {
	took    map[messages.CheckKind]*meter.Histogram // the map never changes
	late    *meter.Histogram
	results map[messages.Code]*atomic.Uint64 // the map never changes
}

// NewStats returns empty Stats.
func NewStats() *Stats {
	s := &Stats{took: map[messages.CheckKind]*meter.Histogram{}, late: meter.NewHistogram(meter.LatencyBounds()...),
		results: map[messages.Code]*atomic.Uint64{}}
	for _, kind := range []messages.CheckKind{messages.CheckTCP, messages.CheckHTTP, messages.CheckHTTPS} {
		s.took[kind] = meter.NewHistogram(meter.LatencyBounds()...)
	}
	for _, code := range resultCodes() {
		s.results[code] = new(atomic.Uint64)
	}
	return s
}

// resultCodes are the codes that a probe can end with. CodeInternal is a probe
// that says nothing of its peer, because it panicked.
func resultCodes() []messages.Code {
	return []messages.Code{messages.CodeOK, messages.CodeConnectRefused, messages.CodeConnectTimeout, messages.CodeConnectFailed,
		messages.CodeReset, messages.CodeHeadTimeout, messages.CodeReadTimeout, messages.CodeWriteTimeout, messages.CodeBadResponse,
		messages.CodeStatus, messages.CodeBody, messages.CodeTLS, messages.CodeInternal}
}

// observe counts one probe: how long it took, and how much later than planned
// it started. A code that no probe has counts as internal.
func (s *Stats) observe(kind messages.CheckKind, code messages.Code, took, late time.Duration) {
	if h := s.took[kind]; h != nil {
		h.Observe(took)
	}
	s.late.Observe(late)
	if s.results[code] == nil {
		code = messages.CodeInternal
	}
	s.results[code].Add(1)
}

// Collect emits the metrics of the probes.
func (s *Stats) Collect(emit func(meter.Sample)) {
	for _, kind := range []messages.CheckKind{messages.CheckTCP, messages.CheckHTTP, messages.CheckHTTPS} {
		emit(meter.Sample{Name: "weir_probe_duration_seconds", Help: "How long probes took, by kind of check.", Kind: meter.Buckets,
			Labels: []meter.Label{{Name: "check", Value: string(kind)}}, Hist: s.took[kind].Data()})
	}
	emit(meter.Sample{Name: "weir_probe_late_seconds", Help: "How much later than planned probes started.", Kind: meter.Buckets, Hist: s.late.Data()})
	for _, code := range slices.Sorted(slices.Values(resultCodes())) {
		emit(meter.Sample{Name: "weir_probes_total", Help: "Probes by result.", Kind: meter.Counter,
			Labels: []meter.Label{{Name: "result", Value: string(code)}}, Value: float64(s.results[code].Load())})
	}
}
