package health

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func newTestProber(v messages.Verdict, check messages.CheckSpec) *prober {
	p := &plan{check: complete(check)}
	return newProber(newSeat("web", messages.ProbeTarget{Addr: "10.0.0.1:80", Verdict: v}, 3, p), 0)
}

// land plays one probe of p: it starts when planned and takes 1 ms.
func land(p *prober, code messages.Code) (messages.VerdictReached, bool) {
	p.begin()
	started := p.planned
	return p.end(outcome{started: started, result: result(code, "detail")}, started+time.Millisecond, time.Unix(9, 0))
}

func TestAProberSaysItsFirstResultAndEachFlip(t *testing.T) {
	p := newTestProber(messages.Unknown, messages.CheckSpec{Success: 2, Failure: 3})
	const ok, bad = messages.CodeOK, messages.CodeStatus
	steps := []struct {
		code messages.Code
		want messages.Verdict // Unknown = says nothing
	}{
		{ok, messages.Healthy}, {bad, 0}, {bad, 0}, {ok, 0}, {bad, 0}, {bad, 0}, {bad, messages.Unhealthy},
		{bad, 0}, {ok, 0}, {bad, 0}, {ok, 0}, {ok, messages.Healthy}, {ok, 0},
	}
	for i, step := range steps {
		got, reached := land(p, step.code)
		if reached != (step.want != messages.Unknown) || got.Verdict != step.want {
			t.Fatalf("step %d: got %+v (%v), want %v", i, got, reached, step.want)
		}
		want := messages.VerdictReached{Upstream: "web", Gen: 3, Addr: "10.0.0.1:80", Verdict: step.want, Code: step.code, Detail: "detail", At: time.Unix(9, 0)}
		if reached && got != want {
			t.Errorf("step %d: got %+v, want %+v", i, got, want)
		}
	}
}

func TestAProberThatStartsWithAVerdictSitsOnItsGridWithCountersAtZero(t *testing.T) {
	check := messages.CheckSpec{Frequency: time.Minute, Failure: 2}
	p := newTestProber(messages.Healthy, check)
	if want := p.schedule.onGrid(0, time.Minute); p.planned != want {
		t.Errorf("first probe at %v, want %v, on the grid", p.planned, want)
	}
	land(p, messages.CodeReset) // one contrary result
	again := newProber(p.seat, p.planned)
	if _, reached := land(again, messages.CodeReset); reached {
		t.Error("the contrary result before the restart was counted")
	}
	if _, reached := land(again, messages.CodeReset); !reached {
		t.Error("the second contrary result after the restart made no flip")
	}
	third := newProber(p.seat, again.planned)
	if got := third.judgement; got != (judgement{verdict: messages.Unhealthy}) {
		t.Errorf("restarted with %+v, want the verdict reached before", got)
	}
}

func TestAForcedProbeIsAnsweredByTheOneInFlight(t *testing.T) {
	p := newTestProber(messages.Healthy, messages.CheckSpec{Frequency: time.Minute})
	p.begin()
	if p.force(time.Second) {
		t.Error("forced another probe beside the one in flight")
	}
	p.end(outcome{started: time.Second, result: result(messages.CodeOK, "")}, 1010*time.Millisecond, time.Time{})
	if !p.force(1020*time.Millisecond) || p.planned != time.Second+forcedPause {
		t.Errorf("planned at %v, want %v after the start of the last", p.planned, forcedPause)
	}
	if p.force(1030 * time.Millisecond) {
		t.Error("a second request moved the probe that the first one had planned")
	}
}

func TestDefaultsFillInWhatACheckLeavesOut(t *testing.T) {
	got := complete(messages.CheckSpec{Kind: messages.CheckTCP})
	want := messages.CheckSpec{Kind: messages.CheckTCP, Frequency: 10 * time.Second, UnhealthyFrequency: 10 * time.Second,
		Success: 1, Failure: 2, ConnectionTimeout: 3 * time.Second, ReadTimeout: 3 * time.Second}
	if !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	low := complete(messages.CheckSpec{Frequency: time.Nanosecond, UnhealthyFrequency: time.Nanosecond, Success: -1, Failure: -1})
	if low.Frequency != minFrequency || low.UnhealthyFrequency != minFrequency || low.Success != 1 || low.Failure != 2 {
		t.Errorf("got %+v, want the lower limits", low)
	}
}

func TestARememberedVerdictIsProbedAtOnceAndTheFirstResultDecides(t *testing.T) {
	check := messages.CheckSpec{Frequency: time.Minute, Success: 3, Failure: 3}
	for _, code := range []messages.Code{messages.CodeOK, messages.CodeReset} {
		for _, known := range []messages.Verdict{messages.Healthy, messages.Unhealthy} {
			target := messages.ProbeTarget{Addr: "10.0.0.1:80", Verdict: known, Remembered: true}
			p := newProber(newSeat("web", target, 3, &plan{check: complete(check)}), 0)
			if p.planned >= firstSpread {
				t.Errorf("first probe at %v, want it at once", p.planned)
			}
			want := messages.Unhealthy
			if code == messages.CodeOK {
				want = messages.Healthy
			}
			if got, reached := land(p, code); !reached || got.Verdict != want {
				t.Errorf("remembered %v, result %s: %v (told %v), want %v", known, code, got.Verdict, reached, want)
			}
		}
	}
}
