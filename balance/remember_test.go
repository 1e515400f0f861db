package balance

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func TestARememberedVerdictHoldsUntilTheFirstResult(t *testing.T) {
	t0 := time.Unix(1000, 0)
	for _, result := range []messages.Verdict{messages.Unhealthy, messages.Healthy} {
		p := newTestRef().Peer("a:1")
		p.Remember(messages.Unhealthy, messages.CodeReset, "before", t0, 4)
		want := PeerState{Verdict: messages.Unhealthy, Remembered: true, Since: t0, Code: messages.CodeReset, Detail: "before", Flips: 4}
		if diff := cmp.Diff(want, p.State()); diff != "" {
			t.Fatalf("remembered (-want +got):\n%s", diff)
		}
		from, held, seq := p.SetVerdict(result, messages.CodeOK, "now", t0.Add(time.Hour))
		if from != messages.Unhealthy || held != time.Hour {
			t.Errorf("from %v, held %v; want what was remembered, since then", from, held)
		}
		want.Remembered = false
		if result == messages.Healthy {
			want = PeerState{Verdict: messages.Healthy, Since: t0.Add(time.Hour), Code: messages.CodeOK, Detail: "now", Flips: 5}
		}
		if diff := cmp.Diff(want, p.State()); diff != "" || seq != want.Flips {
			t.Errorf("then (-want +got):\n%s\nnumber %d", diff, seq)
		}
	}
}

func TestOnlyAPeerWithoutAVerdictRemembersOne(t *testing.T) {
	p := newTestRef().Peer("a:1")
	p.Remember(messages.Unknown, "", "", time.Unix(1, 0), 1)
	if p.Remembered() || p.State().Flips != 0 {
		t.Error("remembers that nothing was known")
	}
	p.Doubt()
	if p.Remembered() {
		t.Error("doubts a verdict that there is not")
	}
	p.SetVerdict(messages.Healthy, messages.CodeOK, "", time.Unix(2, 0))
	p.Remember(messages.Unhealthy, messages.CodeReset, "", time.Unix(1, 0), 1)
	if p.Verdict() != messages.Healthy || p.Remembered() {
		t.Error("an old verdict replaced one of this process")
	}
	p.Doubt()
	if p.Verdict() != messages.Healthy || !p.Remembered() {
		t.Error("a doubted verdict is not a remembered one")
	}
}

func TestRetainSparesWhatIsRememberedUntilTheSetWasComplete(t *testing.T) {
	ref := newTestRef()
	ref.Peer("a:1").Remember(messages.Healthy, messages.CodeOK, "", time.Unix(1, 0), 1)
	ref.Peer("new:1")
	left := ref.Retain(nil, time.Unix(2, 0), 0)
	if _, known := ref.Known("a:1"); !known || len(left) != 1 || left[0].Addr() != "new:1" {
		t.Fatalf("a known %v, %d left; want a, and new alone to leave", known, len(left))
	}
	if !ref.NoteComplete() || ref.NoteComplete() {
		t.Error("complete is not new the first time alone")
	}
	ref.Retain(nil, time.Unix(2, 0), 0)
	if _, known := ref.Known("a:1"); known {
		t.Error("remembers for ever")
	}
}

func TestNumbersOfFlipsAreNeverUsedTwice(t *testing.T) {
	ref := newTestRef()
	used := map[string]map[uint64]bool{}
	flip := func(addr string, times int) {
		for i := range times {
			_, _, seq := ref.Peer(addr).SetVerdict(messages.Verdict(1+i%2), messages.CodeOK, "", time.Unix(int64(i), 0))
			if used[addr] == nil {
				used[addr] = map[uint64]bool{}
			}
			if used[addr][seq] {
				t.Fatalf("%s used the number %d before", addr, seq)
			}
			used[addr][seq] = true
		}
	}
	for round := range 5 {
		flip("a:1", 3)
		flip("b:1", 1+round)
		p := ref.Peer("a:1")
		p.take(0, false)
		ref.Retain([]string{"b:1"}, time.Now(), 0) // a leaves, with a request in flight
		if round%2 == 0 {
			p.give(false)
		}
		ref.Retain(nil, time.Now(), 0)
		ref.Retain(nil, time.Now(), 0)
		if round == 3 {
			ref.Withdraw()
		}
	}
	if got := ref.Peer("a:1").State().Flips; got != 0 {
		t.Errorf("a new peer had %d flips, want none", got)
	}
}

func TestOnVerdictIsToldOfChangesAndOfWhatIsForgotten(t *testing.T) {
	r := NewRegistry()
	ref, told := r.Ref("api"), 0
	r.OnVerdict(func() {
		told++
		ref.Peer("a:1").State() // no lock is held
		_ = r.Refs()
	})
	steps := []struct {
		name string
		do   func()
		want int
	}{
		{"a remembered verdict", func() { ref.Peer("b:1").Remember(messages.Healthy, "", "", time.Unix(1, 0), 1) }, 0},
		{"a first verdict", func() { ref.Peer("a:1").SetVerdict(messages.Healthy, messages.CodeOK, "", time.Unix(1, 0)) }, 1},
		{"the same again", func() { ref.Peer("a:1").SetVerdict(messages.Healthy, messages.CodeOK, "", time.Unix(2, 0)) }, 0},
		{"a flip", func() { ref.Peer("a:1").SetVerdict(messages.Unhealthy, messages.CodeReset, "", time.Unix(3, 0)) }, 1},
		{"nobody leaves", func() { ref.Retain([]string{"a:1", "b:1"}, time.Unix(4, 0), 0) }, 0},
		{"a peer without a verdict leaves", func() { ref.Peer("c:1"); ref.Retain([]string{"a:1", "b:1"}, time.Unix(4, 0), 0) }, 0},
		{"a peer with one leaves", func() { ref.Retain([]string{"b:1"}, time.Unix(4, 0), 0) }, 1},
		{"the upstream is withdrawn", func() { ref.Withdraw() }, 1},
		{"nobody listens", func() { r.OnVerdict(nil); ref.Peer("d:1").SetVerdict(messages.Healthy, "", "", time.Unix(5, 0)) }, 0},
	}
	for _, s := range steps {
		told = 0
		if s.do(); told != s.want {
			t.Errorf("%s: told %d times, want %d", s.name, told, s.want)
		}
	}
}

func TestStatesAreOfAllThatIsKnown(t *testing.T) {
	ref := newTestRef()
	ref.Peer("a:1").SetVerdict(messages.Healthy, messages.CodeOK, "", time.Unix(1, 0))
	ref.Peer("b:1").Remember(messages.Unhealthy, messages.CodeReset, "", time.Unix(1, 0), 1)
	ref.Peer("gone:1")
	ref.NoteComplete()
	ref.Retain([]string{"a:1", "b:1"}, time.Unix(2, 0), 0)
	got := map[string]messages.Verdict{}
	for p, st := range ref.States() {
		got[p.Addr()] = st.Verdict
	}
	if diff := cmp.Diff(map[string]messages.Verdict{"a:1": messages.Healthy, "b:1": messages.Unhealthy}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := testing.AllocsPerRun(100, func() { ref.Peer("a:1").State() }); n != 0 {
		t.Errorf("State allocates %v times", n)
	}
	for range ref.States() {
		break
	}
}

func TestAsksWaitForResultsOnlyWhileVerdictsDecideAndAreRemembered(t *testing.T) {
	for _, tt := range []struct {
		probed, remembered bool
		want               error
	}{{true, true, ErrQueueTimeout}, {true, false, ErrNoPeer}, {false, true, ErrNoPeer}} {
		ref := newTestRef()
		ref.Peer("a:1").Remember(messages.Unhealthy, messages.CodeReset, "", time.Unix(1, 0), 1)
		if !tt.remembered {
			ref.Peer("a:1").SetVerdict(messages.Unhealthy, messages.CodeReset, "", time.Unix(2, 0))
		}
		ref.Publish(NewSnapshot(SnapshotConfig{Policy: Policy{Limits: messages.Limits{Queue: 1, QueueTimeout: time.Millisecond}},
			Members: []Member{{Peer: ref.Peer("a:1")}}, Probed: tt.probed}))
		if _, err := ref.Acquire(&Ask{}); !errors.Is(err, tt.want) {
			t.Errorf("probed %v, remembered %v: %v, want %v", tt.probed, tt.remembered, err, tt.want)
		}
	}
}

func TestOutgoingMembersStandForTheSetUntilAnotherIsHealthy(t *testing.T) {
	ref := newTestRef()
	old, next := ref.Peer("old:1"), ref.Peer("new:1")
	old.SetVerdict(messages.Healthy, messages.CodeOK, "", time.Unix(1, 0))
	s := NewSnapshot(SnapshotConfig{Probed: true, ReplaceBy: time.Unix(9, 0), Members: []Member{
		{Peer: old, Available: true, Outgoing: true}, {Peer: next}}})
	if s.State() != messages.StateHealthy || !s.ReplaceBy().Equal(time.Unix(9, 0)) {
		t.Errorf("%v by %v, want healthy by 9", s.State(), s.ReplaceBy())
	}
	next.SetVerdict(messages.Healthy, messages.CodeOK, "", time.Unix(2, 0))
	members := s.Reconsider(time.Unix(3, 0)).Members()
	if members[0].Available || !members[1].Available {
		t.Error("the old one serves on though a new one is healthy")
	}
}
