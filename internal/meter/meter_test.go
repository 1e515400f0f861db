package meter

import (
	"slices"
	"testing"
	"time"
)

func TestHistogramCountsCumulatively(t *testing.T) {
	h := NewHistogram(time.Millisecond, time.Second)
	for _, d := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond, time.Second, time.Minute} {
		h.Observe(d)
	}
	data := h.Data()
	if !slices.Equal(data.Bounds, []float64{0.001, 1}) || !slices.Equal(data.Counts, []uint64{2, 4}) || data.Count != 5 || data.Sum != 61.003 {
		t.Errorf("got %+v, want bounds 0.001 and 1, counts 2 and 4 of 5, sum 61.003", data)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	h := NewHistogram(LatencyBounds()...)
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if !slices.IsSorted(LatencyBounds()) {
		t.Errorf("bounds do not ascend: %v", LatencyBounds())
	}
}
