package balance

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// latencyTau is the time in which a latency loses all but 1/e of its weight.
	latencyTau = 10 * time.Second
	// failurePenalty is what a failed request counts as, at least: a peer that
	// fails fast must not look like a fast peer.
	failurePenalty = time.Second
	// tick is the unit of the time stamp, about 1 ms; it wraps after 52 days.
	tickShift   = 20
	ticksPerTau = float64(latencyTau) / (1 << tickShift)
)

// latency is a peak-sensitive moving average ("peak EWMA", as in Finagle's
// load balancer): a latency above the average replaces it at once, one below
// pulls it down with weight 1-exp(-dt/tau). It also fades while nothing is
// observed, so a peer that was slow once is tried again; "above" is above what
// is left of the average by then.
//
// Average (float32, nanoseconds) and time stamp (ticks) share one word, so they
// cannot be torn apart. Of several observations in one tick only a peak counts.
type latency struct{ word atomic.Uint64 }

// observe adds d, seen at now (nanoseconds of the Ref's clock).
func (l *latency) observe(d time.Duration, now int64) {
	seen, tick := float64(d), uint32(now>>tickShift)
	for {
		old := l.word.Load()
		average, age := unpack(old, tick)
		keep := fade(age)
		switch {
		case old == 0 || seen >= average*keep:
			average = seen
		case age == 0:
			return
		default:
			average = average*keep + seen*(1-keep)
		}
		if l.word.CompareAndSwap(old, pack(average, tick)) {
			return
		}
	}
}

// value returns the average as it has faded by now, in nanoseconds; 0 = nothing was observed yet.
func (l *latency) value(now int64) float64 {
	word := l.word.Load()
	if word == 0 {
		return 0
	}
	average, age := unpack(word, uint32(now>>tickShift))
	return max(average*fade(age), 1)
}

func pack(average float64, tick uint32) uint64 {
	return uint64(math.Float32bits(float32(max(average, 1))))<<32 | uint64(tick)
}

// unpack returns the average and its age in ticks; a stamp from the future
// (another core was faster) has age 0.
func unpack(word uint64, tick uint32) (average float64, age uint32) {
	age = tick - uint32(word)
	if int32(age) < 0 {
		age = 0
	}
	return float64(math.Float32frombits(uint32(word >> 32))), age
}

// fade returns exp(-age/tau); for small ages its tangent, which is off by less than 1/8000.
func fade(age uint32) float64 {
	x := float64(age) / ticksPerTau
	if x < 1.0/64 {
		return 1 - x
	}
	return math.Exp(-x)
}
