package health

import (
	"hash/fnv"
	"time"

	"github.com/weirproxy/weir/messages"
)

const (
	// firstSpread is the time over which the first probes of new peers are spread.
	firstSpread = 250 * time.Millisecond
	// doubtPause is the longest pause after a result that contradicts the verdict.
	doubtPause = time.Second
	// forcedPause is the shortest time between the starts of a probe and of a forced one after it.
	forcedPause = 100 * time.Millisecond
	// jitterShare is the part of a period by which a probe may be early or late: a tenth.
	jitterShare = 10
)

// schedule says when one peer is probed. It is pure: time is a duration on
// some monotonic scale, the same for all peers, so that a clock that is set
// changes nothing.
//
// Regular probes sit on a grid of the peer's own, k*period + phase, each moved by
// up to a tenth of the period either way. Phase and jitter are hashes, so the
// probes of many peers spread evenly and nothing drifts. What was missed is
// skipped. A probe off the grid (forced, or after a contrary result) makes the
// grid skip what would come less than half a period after it.
type schedule struct {
	seed uint64
	// healthy is the period while the peer is not unhealthy, unhealthy the other.
	healthy, unhealthy time.Duration
}

// newSchedule returns the schedule of a peer; the periods of check are positive.
func newSchedule(upstream, addr string, check messages.CheckSpec) schedule {
	h := fnv.New64a()
	_, _ = h.Write([]byte(upstream + "\x00" + addr)) // a hash never fails
	s := schedule{seed: mix(h.Sum64()), healthy: check.Frequency, unhealthy: check.Frequency}
	if check.UnhealthyFrequency > 0 {
		s.unhealthy = check.UnhealthyFrequency
	}
	return s
}

// first returns when a prober that starts at now probes first: soon without a
// verdict, on the grid with one.
func (s schedule) first(now time.Duration, v messages.Verdict) time.Duration {
	if v == messages.Unknown {
		return now + time.Duration(mix(s.seed+1)%uint64(firstSpread))
	}
	return s.onGrid(now, s.period(v))
}

// next returns when to probe after a result at now of a probe that started at
// started. It is after now.
func (s schedule) next(now, started time.Duration, j judgement) time.Duration {
	period := s.period(j.verdict)
	regular := s.onGrid(max(now, started+period/2), period)
	if !j.doubtful() {
		return regular
	}
	pause := min(period, doubtPause)
	pause -= time.Duration(mix(s.seed^uint64(now)) % uint64(pause/jitterShare))
	return min(regular, now+pause)
}

// forced returns when to probe when that was asked for at now; started is the
// start of the probe before, hadOne tells whether there was one, planned is when
// the next would be.
func (s schedule) forced(now, started time.Duration, hadOne bool, planned time.Duration) time.Duration {
	at := now
	if hadOne {
		at = max(now, started+forcedPause)
	}
	return min(at, planned)
}

func (s schedule) period(v messages.Verdict) time.Duration {
	if v == messages.Unhealthy {
		return s.unhealthy
	}
	return s.healthy
}

// onGrid returns the first moment of the grid that is later than after.
func (s schedule) onGrid(after, period time.Duration) time.Duration {
	phase := time.Duration(s.seed % uint64(period))
	// One slot early, because jitter may have moved it behind after.
	k := (after-phase)/period - 1
	for ; ; k++ {
		if at := phase + k*period + s.jitter(k, period); at > after {
			return at
		}
	}
}

// jitter returns by how much slot k of the grid is moved.
func (s schedule) jitter(k, period time.Duration) time.Duration {
	width := period / jitterShare
	return time.Duration(mix(s.seed^mix(uint64(k)))%uint64(2*width+1)) - width
}

// mix spreads the bits of x (the finalizer of SplitMix64; Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
