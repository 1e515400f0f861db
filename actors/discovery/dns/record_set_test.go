package dns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func addressRecords(addrs ...string) []record {
	var records []record
	for _, a := range addrs {
		records = append(records, record{addr: netip.MustParseAddr(a)})
	}
	return records
}

func TestWhatARecordSetBelieves(t *testing.T) {
	good := answer{records: addressRecords("10.0.0.1"), ttl: time.Minute}
	absent, failed := answer{err: ErrNoSuchName}, answer{err: ErrTimeout}
	type step struct {
		after time.Duration
		answer
		has  int
		gone bool
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"three absences over 10s are believed", []step{{0, good, 1, false}, {time.Minute, absent, 1, false}, {5 * time.Second, absent, 1, false}, {5 * time.Second, absent, 0, true}}},
		{"three absences in a hurry are not", []step{{0, good, 1, false}, {1, absent, 1, false}, {time.Second, absent, 1, false}, {time.Second, absent, 1, false}, {8 * time.Second, absent, 0, true}}},
		{"two absences over a day are not", []step{{0, good, 1, false}, {1, absent, 1, false}, {24 * time.Hour, absent, 1, false}}},
		{"a failure in between begins the count anew", []step{{0, good, 1, false}, {1, absent, 1, false}, {10 * time.Second, absent, 1, false}, {time.Second, failed, 1, false}, {time.Second, absent, 1, false}, {5 * time.Second, absent, 1, false}, {5 * time.Second, absent, 0, true}}},
		{"failures are never believed", []step{{0, good, 1, false}, {time.Hour, failed, 1, false}, {time.Hour, failed, 1, false}, {1000 * time.Hour, failed, 1, false}}},
		{"what was never known is never gone", []step{{0, absent, 0, false}, {time.Hour, absent, 0, false}, {time.Hour, absent, 0, false}}},
		{"records come back", []step{{0, good, 1, false}, {1, absent, 1, false}, {5 * time.Second, absent, 1, false}, {5 * time.Second, absent, 0, true}, {1, failed, 0, true}, {1, good, 1, false}, {1, absent, 1, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s recordSet
			now := time.Unix(1000, 0)
			for i, step := range tt.steps {
				now = now.Add(step.after)
				s.take(step.answer, 0.5, now)
				if got := len(s.current(now, 0)); got != step.has || s.gone != step.gone {
					t.Errorf("step %d: %d records, gone %v; want %d, %v", i, got, s.gone, step.has, step.gone)
				}
			}
		})
	}
}

func TestPausesAreClamped(t *testing.T) {
	for range 1000 {
		ttl, jitter := time.Duration(rand.Int64N(int64(20*time.Minute))), rand.Float64()
		pause := hold(ttl, jitter)
		if low := min(max(ttl, minHold), maxHold*9/10); pause < low || pause > maxHold || (ttl > minHold && pause > ttl*11/10) {
			t.Fatalf("TTL %v, jitter %v: held for %v", ttl, jitter, pause)
		}
		n := 1 + rand.IntN(40)
		base := min(firstRetry<<min(n-1, 10), lastRetry)
		if pause := retryAfter(n); pause < base*4/5 || pause > base*6/5 {
			t.Fatalf("failure %d: pause %v", n, pause)
		}
	}
}

// TestNoSequenceEmptiesWhatStillResolvesInPart plays random outcomes to the names
// of an upstream. Whatever comes, the set is not empty while one family of one
// name is not gone for good, and nothing is in it that was never answered.
func TestNoSequenceEmptiesWhatStillResolvesInPart(t *testing.T) {
	outcomes := []answer{{err: ErrNoSuchName}, {err: ErrNoData}, {err: ErrServFail}, {err: ErrRefused}, {err: ErrTimeout}, {err: ErrBadAnswer}}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		now := time.Unix(1000, 0)
		names := []*name{}
		last := map[string][]record{} // what each family answered last
		for i := range 1 + rnd.IntN(3) {
			names = append(names, &name{key: key{fmt.Sprintf("n%d", i), addresses}, sets: make([]recordSet, 2)})
		}
		for step := range 200 {
			now = now.Add(time.Duration(rnd.Int64N(int64(8 * time.Second))))
			n, family := names[rnd.IntN(len(names))], rnd.IntN(2)
			out := outcomes[rnd.IntN(len(outcomes))]
			id := fmt.Sprint(n.key.name, family)
			if rnd.IntN(4) == 0 {
				out = answer{ttl: time.Second, records: addressRecords(fmt.Sprintf("10.%d.%d.%d", family, step, 1+rnd.IntN(200)))}
				last[id] = out.records
			}
			n.sets[family].take(out, 0.1, now)
			alive, have := 0, 0
			for _, n := range names {
				st := n.state(now, 0, 0)
				have += len(st.records)
				for f := range n.sets {
					if set := &n.sets[f]; !set.gone {
						alive += len(last[fmt.Sprint(n.key.name, f)])
					} else if set.absent < absentAnswers && isAbsent(set.err) && set.failures < absentAnswers {
						t.Fatalf("seed %d, step %d: gone after %d answers", seed, step, set.absent)
					}
				}
				if st.err == nil && st.once && len(st.records) == 0 && !n.allGone() {
					t.Fatalf("seed %d, step %d: %s is empty for sure, and is not gone", seed, step, n.key.name)
				}
			}
			if alive != have {
				t.Fatalf("seed %d, step %d: has %d records, want the %d that are not gone", seed, step, have, alive)
			}
		}
	}
}
