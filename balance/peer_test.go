package balance

import (
	"errors"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func TestVerdictsAreCountedAndTimed(t *testing.T) {
	p := newTestRef().Peer("10.0.0.1:80")
	if p.Verdict() != messages.Unknown || !p.Since().IsZero() {
		t.Fatalf("a new peer is %v since %v", p.Verdict(), p.Since())
	}
	t0 := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	steps := []struct {
		set   messages.Verdict
		code  messages.Code
		after time.Duration
		from  messages.Verdict
		held  time.Duration
		seq   uint64
		since time.Duration
		why   messages.Code
	}{
		{messages.Unhealthy, messages.CodeConnectRefused, 0, messages.Unknown, 0, 1, 0, messages.CodeConnectRefused},
		{messages.Unhealthy, messages.CodeReset, 5 * time.Second, messages.Unhealthy, 5 * time.Second, 1, 0, messages.CodeConnectRefused},
		{messages.Healthy, messages.CodeOK, 8 * time.Second, messages.Unhealthy, 8 * time.Second, 2, 8 * time.Second, messages.CodeOK},
		{messages.Unhealthy, messages.CodeStatus, 7 * time.Second, messages.Healthy, 0, 3, 7 * time.Second, messages.CodeStatus}, // the clock was set back
	}
	for i, s := range steps {
		from, held, seq := p.SetVerdict(s.set, s.code, "detail", t0.Add(s.after))
		if from != s.from || held != s.held || seq != s.seq {
			t.Errorf("step %d: from %v, held %v, seq %d; want %v, %v, %d", i, from, held, seq, s.from, s.held, s.seq)
		}
		if code, _ := p.Reason(); p.Verdict() != s.set || code != s.why || !p.Since().Equal(t0.Add(s.since)) {
			t.Errorf("step %d: %v since %v because %s", i, p.Verdict(), p.Since(), code)
		}
	}
}

func TestProbesAreRemembered(t *testing.T) {
	p := newTestRef().Peer("10.0.0.1:80")
	if _, ok := p.LastProbe(); ok {
		t.Error("a new peer was probed")
	}
	want := ProbeRecord{At: time.Unix(1, 0), Took: time.Second, Late: time.Millisecond, Code: messages.CodeOK, Detail: "200"}
	p.RecordProbe(want)
	if got, ok := p.LastProbe(); !ok || cmp.Diff(want, got) != "" {
		t.Errorf("LastProbe() = %+v, %t", got, ok)
	}
}

func TestCountersCount(t *testing.T) {
	ref := newTestRef()
	publish(ref, messages.RoundRobin, messages.Limits{}, 1)
	for range 3 {
		mustAcquire(t, ref, &Ask{})
	}
	p := ref.Peer(addrOf(0))
	ref.Release(p, Outcome{Failed: true})
	ref.Release(p, Outcome{Latency: time.Second})
	if p.InFlight() != 1 || p.Requests() != 3 || p.Failures() != 1 {
		t.Errorf("%d in flight, %d requests, %d failures; want 1, 3, 1", p.InFlight(), p.Requests(), p.Failures())
	}
	if p.Addr() != addrOf(0) || p.Upstream() != "api" {
		t.Errorf("%s of %s", p.Addr(), p.Upstream())
	}
}

// TestHotFieldsShareNoLine: what each request writes is a line's length away
// from the address that all read and from the verdict.
func TestHotFieldsShareNoLine(t *testing.T) {
	var p Peer
	first, last := unsafe.Offsetof(p.inFlight), unsafe.Offsetof(p.window)+unsafe.Sizeof(p.window)
	if end := unsafe.Offsetof(p.addr) + unsafe.Sizeof(p.addr); first < end+cacheLine {
		t.Errorf("counters begin %d bytes after the address", first-end)
	}
	if begin := unsafe.Offsetof(p.place); begin < last+cacheLine {
		t.Errorf("the rest begins %d bytes after the counters", begin-last)
	}
	if last-first > cacheLine {
		t.Errorf("the counters take %d bytes, a line has %d", last-first, cacheLine)
	}
}

func TestRetainForgetsTheOthers(t *testing.T) {
	ref := newTestRef()
	kept, idle, busy := ref.Peer("kept:1"), ref.Peer("idle:1"), ref.Peer("busy:1")
	for _, p := range []*Peer{kept, idle, busy} {
		p.SetVerdict(messages.Unhealthy, messages.CodeReset, "", time.Now())
		p.RecordProbe(ProbeRecord{Code: messages.CodeReset})
	}
	busy.take(0, false)
	ref.Retain([]string{"kept:1"}, time.Now(), 0)
	ref.Retain([]string{"kept:1"}, time.Now(), 0) // twice: a snapshot that may have been in use is not any more
	if ref.Peer("kept:1") != kept || kept.Verdict() != messages.Unhealthy {
		t.Error("the retained peer was forgotten")
	}
	if ref.Peer("idle:1") == idle {
		t.Error("an idle peer was kept")
	}
	again := ref.Peer("busy:1")
	if again != busy || again.InFlight() != 1 {
		t.Error("a peer that came back does not count the request it still has")
	}
	_, probed := again.LastProbe()
	if code, _ := again.Reason(); again.Verdict() != messages.Unknown || !again.Since().IsZero() || code != "" || probed {
		t.Error("a peer that came back is not as good as new")
	}
	if _, _, seq := again.SetVerdict(messages.Healthy, messages.CodeOK, "", time.Now()); seq != 2 {
		t.Errorf("the number of its flip is %d, want 2: 1 was used before it left", seq)
	}
}

// TestALimitOutlivesAFlappingSet: a request that an old snapshot gives out after
// its peer was forgotten counts when the peer is back.
func TestALimitOutlivesAFlappingSet(t *testing.T) {
	ref := newTestRef()
	limits := messages.Limits{MaxRequests: 1}
	publish(ref, messages.RoundRobin, limits, 1)
	ref.Retain(nil, time.Now(), 0)
	mustAcquire(t, ref, &Ask{})
	publish(ref, messages.RoundRobin, limits, 1)
	if _, err := ref.Acquire(&Ask{}); err == nil {
		t.Error("the peer has two requests, its limit is 1")
	}
}

func TestRegistryKeepsRefs(t *testing.T) {
	r := NewRegistry()
	var wg sync.WaitGroup
	for _, name := range []string{"b", "a", "c", "a", "b"} {
		wg.Go(func() { r.Ref(name) })
	}
	wg.Wait()
	var names []string
	for _, ref := range r.Refs() {
		names = append(names, ref.Name())
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Error(diff)
	}
	if first, second := r.Ref("a"), r.Ref("a"); first != second {
		t.Error("two Refs of one name")
	}
	if r.Ref("a").Snapshot() != nil {
		t.Error("a new Ref has a snapshot")
	}
	if _, err := r.Ref("a").Acquire(&Ask{}); !errors.Is(err, ErrNoUpstream) {
		t.Errorf("Acquire before the first Publish: %v, want %v", err, ErrNoUpstream)
	}
}

func TestWithdrawForgetsAll(t *testing.T) {
	ref := newTestRef()
	members := publish(ref, messages.RoundRobin, messages.Limits{}, 1)
	ref.SetSettled(true)
	members[0].Peer.SetVerdict(messages.Unhealthy, messages.CodeReset, "", time.Now())
	ref.Withdraw()
	if ref.Snapshot() != nil || ref.Settled() || ref.Peer(addrOf(0)).Verdict() != messages.Unknown {
		t.Error("something is left")
	}
	if _, err := ref.Acquire(&Ask{}); !errors.Is(err, ErrNoUpstream) {
		t.Errorf("Acquire: %v, want %v", err, ErrNoUpstream)
	}
	publish(ref, messages.RoundRobin, messages.Limits{}, 1)
	mustAcquire(t, ref, &Ask{})
}
