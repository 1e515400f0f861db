package meter

import (
	"sync/atomic"
	"time"
)

// Kind says what a sample is.
type Kind int

// The kinds of sample.
const (
	Counter Kind = iota
	Gauge
	Buckets
)

// Label is one dimension of a sample.
type Label struct{ Name, Value string }

// Sample is one series at one moment. Value is for counters and gauges, Hist
// for Buckets.
type Sample struct {
	Name, Help string
	Kind       Kind
	Labels     []Label
	Value      float64
	Hist       HistogramData
}

// Source emits its samples when asked. Samples of one name come with the same
// label names, kind and help.
type Source interface{ Collect(emit func(Sample)) }

// HistogramData is what a Histogram held when it was read. Counts are
// cumulative, one per bound, in seconds; Count includes what is above the last.
type HistogramData struct {
	Bounds []float64
	Counts []uint64
	Count  uint64
	Sum    float64
}

// Histogram counts durations in buckets. Observe is safe from many goroutines
// and does not allocate. Make it with NewHistogram.
type Histogram struct {
	bounds []time.Duration
	counts []atomic.Uint64 // one per bound, and one for what is above
	sum    atomic.Int64    // nanoseconds
}

// NewHistogram returns a histogram with the given upper bounds, which ascend.
func NewHistogram(bounds ...time.Duration) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe counts d.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(h.bounds) && d > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Data returns what was counted so far.
func (h *Histogram) Data() HistogramData {
	data := HistogramData{Bounds: make([]float64, len(h.bounds)), Counts: make([]uint64, len(h.bounds))}
	for i := range h.counts {
		data.Count += h.counts[i].Load()
		if i < len(h.bounds) {
			data.Bounds[i], data.Counts[i] = h.bounds[i].Seconds(), data.Count
		}
	}
	data.Sum = time.Duration(h.sum.Load()).Seconds()
	return data
}

// LatencyBounds suit requests and probes: 1 ms to 60 s.
func LatencyBounds() []time.Duration {
	ms := time.Millisecond
	return []time.Duration{1 * ms, 2 * ms, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms,
		time.Second, 2500 * ms, 5 * time.Second, 10 * time.Second, 30 * time.Second, 60 * time.Second}
}
