package proxy

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestBudgetWindow(t *testing.T) {
	var b budget
	at := time.Unix(1_700_000_000, 0)
	for range 100 {
		b.request(at)
	}
	spent := func(now time.Time, percent, perSecond int) (n int) {
		for b.spend(now, percent, perSecond) {
			n++
		}
		return n
	}
	if n := spent(at, 20, 3); n != 20+3*budgetSeconds {
		t.Errorf("%d repeats, want 50", n)
	}
	if n := spent(at.Add(9*time.Second), 20, 3); n != 0 {
		t.Errorf("%d repeats within the window, want 0", n)
	}
	if n := spent(at.Add(10*time.Second), 20, 3); n != 30 {
		t.Errorf("%d repeats when the window has moved on, want 30", n)
	}
	if n := spent(at.Add(30*time.Second), 100, 0); n != 0 {
		t.Errorf("%d repeats without requests, want 0", n)
	}
}

func TestBudgetSurvivesApply(t *testing.T) {
	b := newBench(t, 2, func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
		u.Retry.BudgetPerSecond, u.Retry.BudgetPercent, u.Retry.Attempts = 0, 50, 1
	})
	reset := failed(messages.CodeReset, false)
	status := func(r ...reply) int {
		b.codec.replies = r
		x, client := b.request("GET", "/")
		b.serve(x)
		return client.status
	}
	if got := []int{status(), status(reset), status(reset)}; !slices.Equal(got, []int{200, 200, 502}) {
		t.Fatalf("statuses %v", got)
	}
	b.apply(b.desired)
	if got := []int{status(reset), status(reset)}; !slices.Equal(got, []int{200, 502}) {
		t.Errorf("statuses after Apply %v, want the same budget", got)
	}
}

func TestSuspectsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Attempts = 0 })
		for range 5 {
			b.codec.replies = []reply{failed(messages.CodeConnectRefused, true)}
			x, _ := b.request("GET", "/")
			b.serve(x)
		}
		want := messages.Suspected{Upstream: "up", Addr: "p1:80", Code: messages.CodeConnectRefused}
		if len(b.suspected) != 1 || b.suspected[0] != want {
			t.Errorf("suspected %v, want %v once", b.suspected, want)
		}
		time.Sleep(suspectAgain)
		b.codec.replies = []reply{failed(messages.CodeReset, false)}
		x, _ := b.request("GET", "/")
		b.serve(x)
		if len(b.suspected) != 2 || b.suspected[1].Code != messages.CodeReset {
			t.Errorf("suspected %v, want a second time", b.suspected)
		}
	})
}

// A peer that closes an old connection is not ill; one that declines all is.
func TestWhoDeclinesIsNotSuspected(t *testing.T) {
	b := newBench(t, 1, nil)
	for _, c := range []struct{ declines, suspected, failures int }{{MaxRepeats, 0, 0}, {MaxRepeats + 1, 1, 1}} {
		b.codec.replies = slices.Repeat([]reply{declinedByPeer()}, c.declines)
		x, client := b.request("POST", "/")
		b.serve(x)
		failures := int(b.registry.Ref("up").Snapshot().Members()[0].Peer.Failures())
		if client.status != 200 || len(b.suspected) != c.suspected || failures != c.failures {
			t.Errorf("declined %d times: status %d, suspected %v, %d failures", c.declines, client.status, b.suspected, failures)
		}
	}
}

func TestSuspicionForgets(t *testing.T) {
	var s suspicion
	at := time.Unix(1, 0)
	for i := range 100 {
		s.raise(fmt.Sprint(i), at)
	}
	if s.raise("new", at.Add(suspectAgain)); len(s.last) != 1 {
		t.Errorf("%d peers remembered, want 1", len(s.last))
	}
}
