package health

import (
	"fmt"
	"testing"

	"github.com/weirproxy/weir/messages"
)

// naive is the verdict machine said in other words: it keeps all results since
// the verdict was reached and looks at the tail of them.
type naive struct {
	verdict messages.Verdict
	history []bool
}

func (n *naive) on(ok bool, t thresholds) (reached bool) {
	n.history = append(n.history, ok)
	opposite := map[bool]messages.Verdict{true: messages.Healthy, false: messages.Unhealthy}[ok]
	need := map[bool]int{true: t.success, false: t.failure}[ok]
	if n.verdict == messages.Unknown {
		need = 1
	}
	if n.verdict == opposite || len(n.history) < need {
		return false
	}
	for _, one := range n.history[len(n.history)-need:] {
		if one != ok {
			return false
		}
	}
	n.verdict, n.history = opposite, nil
	return true
}

func TestVerdictsFollowTheNaiveModelForAllSequences(t *testing.T) {
	const length = 9
	for _, begin := range []messages.Verdict{messages.Unknown, messages.Healthy, messages.Unhealthy} {
		for success := 1; success <= 4; success++ {
			for failure := 1; failure <= 4; failure++ {
				for bits := range 1 << length {
					limits := thresholds{success: success, failure: failure}
					model, machine := naive{verdict: begin}, judgement{verdict: begin}
					for i := range length {
						ok := bits>>i&1 == 1
						want := model.on(ok, limits)
						next, got := machine.on(ok, limits)
						machine = next
						if got != want || machine.verdict != model.verdict {
							t.Fatalf("from %v, %+v, results %09b, step %d: got %v (reached %v), want %v (%v)",
								begin, limits, bits, i, machine.verdict, got, model.verdict, want)
						}
					}
				}
			}
		}
	}
}

func TestEveryVerdictRunAndResultHasOneRule(t *testing.T) {
	const ok, fail = true, false
	limits := thresholds{success: 2, failure: 3}
	unknown, healthy, unhealthy := messages.Unknown, messages.Healthy, messages.Unhealthy
	tests := []struct {
		from    judgement
		ok      bool
		want    judgement
		reached bool
	}{
		{judgement{unknown, 0}, ok, judgement{healthy, 0}, true},
		{judgement{unknown, 0}, fail, judgement{unhealthy, 0}, true},
		{judgement{healthy, 0}, ok, judgement{healthy, 0}, false},
		{judgement{healthy, 0}, fail, judgement{healthy, 1}, false},
		{judgement{healthy, 1}, ok, judgement{healthy, 0}, false},
		{judgement{healthy, 1}, fail, judgement{healthy, 2}, false},
		{judgement{healthy, 2}, ok, judgement{healthy, 0}, false},
		{judgement{healthy, 2}, fail, judgement{unhealthy, 0}, true},
		{judgement{unhealthy, 0}, fail, judgement{unhealthy, 0}, false},
		{judgement{unhealthy, 0}, ok, judgement{unhealthy, 1}, false},
		{judgement{unhealthy, 1}, fail, judgement{unhealthy, 0}, false},
		{judgement{unhealthy, 1}, ok, judgement{healthy, 0}, true},
		// A number that is no verdict is as good as none.
		{judgement{messages.Verdict(7), 0}, ok, judgement{healthy, 0}, true},
		{judgement{messages.Verdict(-1), 0}, fail, judgement{unhealthy, 0}, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v after %d, ok %v", tt.from.verdict, tt.from.run, tt.ok), func(t *testing.T) {
			got, reached := tt.from.on(tt.ok, limits)
			if got != tt.want || reached != tt.reached {
				t.Errorf("got %+v (reached %v), want %+v (%v)", got, reached, tt.want, tt.reached)
			}
		})
	}
}
