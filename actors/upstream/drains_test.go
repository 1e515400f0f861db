package upstream

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/balance"
)

// asked notes what the data path is asked.
type asked struct{ lines []string }

func (a *asked) drains(r *balance.Registry) *drains {
	note := func(what string) func(string, string) {
		return func(upstream, addr string) { a.lines = append(a.lines, what+" "+upstream+" "+addr) }
	}
	return adoptDrains(r, note("cut"), note("retire"))
}

func drainingWorld(t *testing.T, r *balance.Registry) *world {
	t.Helper()
	spec := web()
	spec.DrainTimeout = 30 * time.Second
	w := &world{t: t, ref: r.Ref("web"), pool: newPool(r.Ref("web"), spec, 1)}
	w.do(w.pool.start(noon))
	return w
}

// take takes a slot of the one peer there is.
func (w *world) take() *balance.Peer {
	w.t.Helper()
	p, err := w.ref.Acquire(&balance.Ask{})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestRequestsOfARemovedPeerAreCutWhenItsTimeIsUp(t *testing.T) {
	r := balance.NewRegistry()
	w := drainingWorld(t, r)
	w.find("a:1")
	w.take()
	w.find("b:1", "c:1")
	w.find("b:1")
	if len(w.last.left) != 1 || w.last.left[0].Addr() != "c:1" {
		t.Errorf("left are %v, want c alone", w.last.left)
	}
	var a asked
	d := a.drains(r) // as after a crash of the manager
	if at := d.next(); !at.Equal(noon.Add(30 * time.Second)) {
		t.Fatalf("the next drain ends at %v", at)
	}
	if draining := w.ref.Draining(); len(draining) != 1 || draining[0].Peer.Addr() != "a:1" || !draining[0].Since.Equal(noon) {
		t.Errorf("draining %+v, want a since noon", draining)
	}
	d.end(noon.Add(30*time.Second - 1))
	if a.lines != nil {
		t.Errorf("asked too early: %v", a.lines)
	}
	if next := d.end(noon.Add(30 * time.Second)); !next.IsZero() {
		t.Errorf("another drain ends at %v, want none", next)
	}
	d.end(noon.Add(time.Hour))
	if diff := cmp.Diff([]string{"cut web a:1", "retire web c:1"}, a.lines); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestAPeerThatComesBackIsNotCutAndKeepsItsCounters(t *testing.T) {
	r := balance.NewRegistry()
	w := drainingWorld(t, r)
	w.find("a:1")
	p := w.take()
	w.find("b:1")
	var a asked
	d := a.drains(r)
	w.find("a:1", "b:1")
	d.end(noon.Add(time.Minute))
	if a.lines != nil {
		t.Errorf("asked %v, want nothing", a.lines)
	}
	if back := w.ref.Peer("a:1"); back != p || back.InFlight() != 1 {
		t.Errorf("it came back without its request")
	}
}

func TestARemovedUpstreamDrainsWithTheTimeoutItHad(t *testing.T) {
	r := balance.NewRegistry()
	m := NewMemory(r)
	spec := web()
	spec.DrainTimeout = 30 * time.Second
	m.Want(spec)
	m.begin("web")
	w := drainingWorld(t, r)
	w.find("a:1")
	w.take()
	m.Unwant("web")
	left, ok := m.withdraw("web", noon)
	if !ok || len(left) != 1 {
		t.Fatalf("left %v, %v; want a", left, ok)
	}
	var a asked
	a.drains(r).end(noon.Add(30 * time.Second))
	if diff := cmp.Diff([]string{"cut web a:1"}, a.lines); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestWithoutADrainTimeoutNothingIsCut(t *testing.T) {
	r := balance.NewRegistry()
	w := &world{t: t, ref: r.Ref("web"), pool: newPool(r.Ref("web"), web(), 1)}
	w.find("a:1")
	p := w.take()
	w.find("b:1")
	var a asked
	d := a.drains(r)
	if at := d.next(); !at.IsZero() {
		t.Errorf("a drain ends at %v", at)
	}
	if draining := w.ref.Draining(); len(draining) != 1 || !draining[0].Cut.IsZero() {
		t.Errorf("draining %+v, want a without an end", draining)
	}
	w.ref.Release(p, balance.Outcome{})
	if draining := w.ref.Draining(); len(draining) != 0 {
		t.Errorf("draining %+v after the last request, want none", draining)
	}
}

func TestAnUpstreamThatNeverStartedIsWithdrawn(t *testing.T) {
	r := balance.NewRegistry()
	m := NewMemory(r)
	m.Want(web())
	m.Unwant("web")
	if r.Ref("web").Snapshot() != nil {
		t.Errorf("requests wait for the first peers of an upstream that nobody wants")
	}
	if _, ok := m.begin("web"); ok {
		t.Errorf("it may start")
	}
	m.Want(web())
	if isNew, ok := m.begin("web"); !isNew || !ok {
		t.Errorf("new %v, may start %v; want both", isNew, ok)
	}
}

func TestAnAlarmRingsAtTheLatestTimeSet(t *testing.T) {
	var set []time.Duration
	cancelled := 0
	a := alarm{later: func(after time.Duration) func() {
		set = append(set, after)
		return func() { cancelled++ }
	}}
	for _, at := range []time.Time{noon.Add(2), noon.Add(2), noon.Add(1), {}, noon.Add(-1)} {
		a.set(at, noon)
	}
	if diff := cmp.Diff([]time.Duration{2, 1, 0}, set); diff != "" || cancelled != 2 {
		t.Errorf("set (-want +got):\n%s\ncancelled %d, want 2", diff, cancelled)
	}
}
