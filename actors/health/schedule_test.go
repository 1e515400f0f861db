package health

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func scheduleOf(addr string, every, unhealthyEvery time.Duration) schedule {
	return newSchedule("web", addr, messages.CheckSpec{Frequency: every, UnhealthyFrequency: unhealthyEvery})
}

func addrN(i int) string { return fmt.Sprintf("10.%d.%d.%d:8080", i>>16&255, i>>8&255, i&255) }

var (
	healthyJudgement   = judgement{verdict: messages.Healthy}
	unhealthyJudgement = judgement{verdict: messages.Unhealthy}
)

func TestNewPeersAreProbedSoonAndSpread(t *testing.T) {
	now := 77 * time.Second
	counts := make([]int, 10)
	const peers = 10_000
	for i := range peers {
		delay := scheduleOf(addrN(i), 10*time.Second, 0).first(now, messages.Unknown) - now
		if delay < 0 || delay >= firstSpread {
			t.Fatalf("first probe after %v, want within %v", delay, firstSpread)
		}
		counts[delay*10/firstSpread]++
	}
	assertEven(t, counts, peers)
}

func TestProbesOfManyPeersSpreadEvenlyOverTime(t *testing.T) {
	const period, peers, seconds = 10 * time.Second, 10_000, 60
	begin := time.Hour
	counts := make([]int, seconds)
	for i := range peers {
		s := scheduleOf(addrN(i), period, 0)
		at := s.first(begin-time.Minute, messages.Healthy)
		if wait := at - (begin - time.Minute); wait <= 0 || wait > period*12/10 {
			t.Fatalf("a peer with a verdict waits %v, want at most a period and the jitter", wait)
		}
		for ; at < begin+seconds*time.Second; at = s.next(at+1, at, healthyJudgement) {
			if at >= begin {
				counts[(at-begin)/time.Second]++
			}
		}
	}
	assertEven(t, counts, peers*seconds/10)
}

// assertEven allows each bucket to be off by five standard deviations.
func assertEven(t *testing.T, counts []int, total int) {
	t.Helper()
	want := total / len(counts)
	for _, n := range counts {
		if diff := n - want; diff*diff > 25*want {
			t.Fatalf("uneven: %v, want about %d each", counts, want)
		}
	}
}

func TestRegularProbesKeepTheirDistanceAndDoNotDrift(t *testing.T) {
	for _, period := range []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second, time.Hour} {
		for i := range 200 {
			s := scheduleOf(addrN(i), period, 0)
			at := s.first(0, messages.Healthy)
			for step := range 200 {
				// A probe that takes next to no time.
				next := s.next(at+time.Microsecond, at, healthyJudgement)
				if gap := next - at; gap < period*8/10 || gap > period*12/10 {
					t.Fatalf("period %v: gap %v at step %d", period, gap, step)
				}
				at = next
			}
			// 200 periods later it is on the same grid: off by jitter alone.
			phase := time.Duration(s.seed % uint64(period))
			off := (at - phase) % period
			off = min(off, period-off)
			if off > period/jitterShare {
				t.Fatalf("period %v: drifted by %v", period, off)
			}
		}
	}
}

func TestTheFirstSlotAfterAMomentIsFound(t *testing.T) {
	const period = time.Second
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		s := scheduleOf(addrN(i), period, 0)
		after := time.Duration(random.Int64N(int64(20 * time.Second)))
		want := time.Hour
		for k := time.Duration(-2); k < 25; k++ { // all of them, in no clever way
			if at := time.Duration(s.seed%uint64(period)) + k*period + s.jitter(k, period); at > after {
				want = min(want, at)
			}
		}
		if got := s.onGrid(after, period); got != want {
			t.Fatalf("after %v: got %v, want %v", after, got, want)
		}
	}
}

func TestJitterMovesProbesBothWays(t *testing.T) {
	s := scheduleOf("10.0.0.1:80", 10*time.Second, 0)
	var early, late int
	for k := range time.Duration(1000) {
		switch j := s.jitter(k, 10*time.Second); {
		case j < -time.Second || j > time.Second:
			t.Fatalf("jitter %v, want at most a second either way", j)
		case j < 0:
			early++
		default:
			late++
		}
	}
	if early < 400 || late < 400 {
		t.Errorf("%d early, %d late, want about half each", early, late)
	}
}

func TestAnyHistoryKeepsProbesApartAndNeverTooLate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		period := 100*time.Millisecond + time.Duration(random.Int64N(int64(20*time.Second)))
		unhealthyPeriod := 100*time.Millisecond + time.Duration(random.Int64N(int64(20*time.Second)))
		s := scheduleOf(addrN(i), period, unhealthyPeriod)
		started := s.first(0, messages.Healthy)
		for range 200 {
			took := time.Duration(random.Int64N(int64(4 * time.Second)))
			j := judgement{verdict: messages.Verdict(1 + random.IntN(2)), run: random.IntN(2)}
			now := started + took
			next := s.next(now, started, j)
			p := s.period(j.verdict)
			if next <= now {
				t.Fatalf("next probe %v after the result, want later", next-now)
			}
			if gap := next - started; !j.doubtful() && gap < p/2 {
				t.Fatalf("period %v: %v after the probe before", p, gap)
			}
			if wait := next - now; wait > p*17/10 {
				t.Fatalf("period %v: the next probe is %v away", p, wait)
			}
			if wait := next - now; j.doubtful() && wait > min(p, time.Second) {
				t.Fatalf("period %v: %v after a contrary result, want at most %v", p, wait, min(p, time.Second))
			}
			if random.IntN(3) == 0 { // someone asks for a probe while it waits
				at := now + time.Duration(random.Int64N(int64(next-now)))
				forced := s.forced(at, started, true, next)
				if forced > next || forced < at || (forced != next && forced-started < forcedPause) {
					t.Fatalf("asked at %v, started %v, planned %v: forced at %v", at, started, next, forced)
				}
				next = forced
			}
			started = next
		}
	}
}

func TestMissedSlotsAreSkipped(t *testing.T) {
	s := scheduleOf("10.0.0.1:80", time.Second, 0)
	started := s.first(0, messages.Healthy)
	now := started + 57*time.Second // a probe that hung, or a machine that slept
	next := s.next(now, started, healthyJudgement)
	if wait := next - now; wait <= 0 || wait > 1200*time.Millisecond {
		t.Fatalf("after a long time the next probe comes in %v, want within one period", wait)
	}
	if after := s.next(next+1, next, healthyJudgement); after-next < 800*time.Millisecond {
		t.Errorf("then another after %v, want a whole period: what was missed is skipped", after-next)
	}
}

func TestAnUnhealthyPeerHasAPeriodOfItsOwn(t *testing.T) {
	s := scheduleOf("10.0.0.1:80", time.Minute, time.Second)
	if wait := s.next(time.Hour, time.Hour, unhealthyJudgement) - time.Hour; wait > 2*time.Second {
		t.Errorf("unhealthy: next probe in %v, want about a second", wait)
	}
	if wait := s.next(time.Hour, time.Hour, healthyJudgement) - time.Hour; wait < 30*time.Second {
		t.Errorf("healthy: next probe in %v, want about a minute", wait)
	}
	same := scheduleOf("10.0.0.1:80", time.Minute, 0)
	if wait := same.next(time.Hour, time.Hour, unhealthyJudgement) - time.Hour; wait < 30*time.Second {
		t.Errorf("without a period of its own: next probe in %v, want about a minute", wait)
	}
}

func TestAForcedProbeThatWasNeverPrecededComesAtOnce(t *testing.T) {
	s := scheduleOf("10.0.0.1:80", time.Minute, 0)
	if got := s.forced(time.Millisecond, 0, false, time.Hour); got != time.Millisecond {
		t.Errorf("forced at %v, want at once", got)
	}
	if got := s.forced(time.Millisecond, 0, true, time.Hour); got != forcedPause {
		t.Errorf("forced at %v, want %v after the start of the last", got, forcedPause)
	}
}

func TestTheClockIsMonotonic(t *testing.T) {
	// Only a time with a monotonic reading is safe from a clock that is set.
	if base := newClock().base.String(); !strings.Contains(base, " m=") {
		t.Errorf("the base %s has no monotonic reading", base)
	}
}
