package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/natstest"
)

// replayer is a Bus or a Reader.
type replayer interface {
	Replay(context.Context, bus.ReplayRequest) (*bus.Replay, error)
}

func replay(t *testing.T, from replayer, want bus.ReplayRequest) *bus.Replay {
	t.Helper()
	r, err := from.Replay(t.Context(), want)
	if err != nil {
		t.Fatalf("replay: %v", err)
	}
	t.Cleanup(r.Close)
	return r
}

// following returns what Next does, within a deadline.
func following(t *testing.T, r *bus.Replay) (bus.StoredEvent, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return r.Next(ctx)
}

func nextEvent(t *testing.T, r *bus.Replay) bus.StoredEvent {
	t.Helper()
	e, err := following(t, r)
	if err != nil {
		t.Fatalf("next event: %v", err)
	}
	return e
}

// rest returns the ids of all until the past is told.
func rest(t *testing.T, r *bus.Replay) []string {
	t.Helper()
	var ids []string
	for {
		e, err := following(t, r)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, bus.ErrCaughtUp):
			return ids
		case err != nil:
			t.Fatalf("after %q: %v", ids, err)
		}
		ids = append(ids, e.ID)
	}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAReplayTellsThePastAndThenWhatHappens(t *testing.T) {
	b := ready(t, start(t, nil))
	store(t, b, "weir.evt.health.web.x", numbers(1, 3)...)
	r := replay(t, b, bus.ReplayRequest{Follow: true})
	same(t, rest(t, r), numbers(1, 3))
	if err := b.Publish("weir.evt.health.web.x", map[string]string{"ce-id": "live"}, nil); err != nil {
		t.Fatal(err)
	}
	store(t, b, "weir.evt.health.web.x", numbers(4, 6)...)
	for _, id := range numbers(4, 6) {
		e := nextEvent(t, r)
		want := bus.StoredEvent{ID: id, Type: "weir.test.v1", Subject: "weir.evt.health.web.x", Body: []byte(id), Sequence: e.Sequence, Time: e.Time}
		if diff := cmp.Diff(want, e); diff != "" || time.Since(e.Time) > time.Minute {
			t.Errorf("event (-want +got), time %v:\n%s", e.Time, diff)
		}
	}
}

func TestAReplayThatIsToldToStopLosesNothing(t *testing.T) {
	b := ready(t, start(t, nil))
	r := replay(t, b, bus.ReplayRequest{Follow: true})
	same(t, rest(t, r), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	store(t, b, "weir.evt.x", "1")
	if e := nextEvent(t, r); e.ID != "1" {
		t.Errorf("got %q", e.ID)
	}
}

func TestWhatAReplayLeavesOut(t *testing.T) {
	b := ready(t, start(t, nil))
	subjects := []string{"weir.evt.health.web.x", "weir.evt.health.web2.x", "weir.evt.upstream.web", "weir.evt.eject.web.x", "weir.evt.discovery.web",
		"weir.evt.upstream.web2", "weir.evt.actor.web", "weir.evt.config.applied.web"}
	var ids, ofWeb []string
	var middle time.Time
	for i := range 40 {
		subject := subjects[i%len(subjects)]
		id := strconv.Itoa(i)
		if i == 20 {
			middle = stream(t, b, "weir").State.LastTime.Add(1)
		}
		store(t, b, subject, id)
		ids = append(ids, id)
		if slices.Contains([]int{0, 2, 3, 4}, i%len(subjects)) {
			ofWeb = append(ofWeb, id)
		}
	}
	for name, test := range map[string]struct {
		request bus.ReplayRequest
		want    []string
	}{
		"nothing":                            {bus.ReplayRequest{}, ids},
		"all but the last":                   {bus.ReplayRequest{Last: 7}, ids[33:]},
		"more than there are":                {bus.ReplayRequest{Last: 7000}, ids},
		"what was before":                    {bus.ReplayRequest{Since: middle}, ids[20:]},
		"what was before, but the last":      {bus.ReplayRequest{Since: middle, Last: 3}, ids[37:]},
		"what was before, and few are left":  {bus.ReplayRequest{Since: middle, Last: 30}, ids[20:]},
		"all that was so far":                {bus.ReplayRequest{Since: time.Now().Add(time.Hour)}, nil},
		"other upstreams":                    {bus.ReplayRequest{Upstream: "web"}, ofWeb},
		"other upstreams, and but the last":  {bus.ReplayRequest{Upstream: "web", Last: 5}, ofWeb[len(ofWeb)-5:]},
		"all, for an upstream without event": {bus.ReplayRequest{Upstream: "none", Last: 5}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := replay(t, b, test.request)
			same(t, rest(t, r), test.want)
			if r.CutOff() || r.Oldest().IsZero() {
				t.Errorf("cut off %v, oldest %v; nothing is missing", r.CutOff(), r.Oldest())
			}
		})
	}
}

func TestTheLastEventsAreFoundFarBack(t *testing.T) {
	b := ready(t, start(t, func(c *bus.Config) { c.Events.PerSubject = 10_000 }))
	store(t, b, "weir.evt.upstream.rare", numbers(1, 5)...)
	var last <-chan outcome
	for i := range 3000 {
		err := bus.ErrBusy
		for errors.Is(err, bus.ErrBusy) {
			if last != nil && i%200 == 0 {
				await(t, last)
				last = nil
			}
			got := make(chan outcome, 1)
			if err = b.Store("weir.evt.upstream.common", nil, nil, func(d bool, err error) { got <- outcome{d, err} }); err == nil {
				last = got
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	await(t, last)
	same(t, rest(t, replay(t, b, bus.ReplayRequest{Upstream: "rare", Last: 3})), numbers(3, 5))
}

func TestAReplayTellsWhatIsMissing(t *testing.T) {
	begin := time.Now()
	b := ready(t, start(t, func(c *bus.Config) { c.Events.PerSubject = 3 }))
	store(t, b, "weir.evt.upstream.quiet", numbers(1, 2)...)
	store(t, b, "weir.evt.upstream.loud", numbers(11, 18)...)
	between := stream(t, b, "weir").State.LastTime.Add(1)
	store(t, b, "weir.evt.upstream.quiet", "3")
	for name, test := range map[string]struct {
		request bus.ReplayRequest
		ids     []string
		cut     bool
	}{
		"all":                           {bus.ReplayRequest{}, []string{"1", "2", "16", "17", "18", "3"}, true},
		"since the beginning":           {bus.ReplayRequest{Since: begin}, []string{"1", "2", "16", "17", "18", "3"}, true},
		"since the loud one was silent": {bus.ReplayRequest{Since: between}, []string{"3"}, false},
		"of the loud one":               {bus.ReplayRequest{Upstream: "loud"}, numbers(16, 18), true},
		"the last two":                  {bus.ReplayRequest{Last: 2}, []string{"18", "3"}, false},
		"the last of the loud one":      {bus.ReplayRequest{Last: 5, Upstream: "loud"}, numbers(16, 18), true},
	} {
		t.Run(name, func(t *testing.T) {
			r := replay(t, b, test.request)
			same(t, rest(t, r), test.ids)
			if r.CutOff() != test.cut {
				t.Errorf("cut off: %v, want %v", r.CutOff(), test.cut)
			}
		})
	}
}

func TestAReplayBeyondTheOldestSaysSo(t *testing.T) {
	begin := time.Now()
	b := ready(t, start(t, func(c *bus.Config) { c.Events.MaxBytes = 64 << 10 }))
	for i := range 40 {
		store(t, b, "weir.evt.upstream.u"+strconv.Itoa(i), fmt.Sprintf("%d-%04000d", i, 0))
	}
	r := replay(t, b, bus.ReplayRequest{Since: begin})
	if !r.CutOff() || !r.Oldest().After(begin) {
		t.Errorf("cut off %v, oldest %v, began %v", r.CutOff(), r.Oldest(), begin)
	}
	if r := replay(t, b, bus.ReplayRequest{Since: r.Oldest().Add(1)}); r.CutOff() {
		t.Error("cut off, and nothing since then is missing")
	}
}

func TestAReplaySurvivesARestartOfTheServer(t *testing.T) {
	s := natstest.Start(t, nil)
	b := ready(t, external(t, s.URL(), nil))
	store(t, b, "weir.evt.x", numbers(1, 50)...)
	r := replay(t, b, bus.ReplayRequest{Follow: true})
	for _, id := range numbers(1, 20) {
		if e := nextEvent(t, r); e.ID != id {
			t.Fatalf("got %s, want %s", e.ID, id)
		}
	}
	s.Restart() // whenever that is noticed
	same(t, rest(t, r), numbers(21, 50))
	restart(t, s, b)
	store(t, b, "weir.evt.x", numbers(51, 55)...)
	for _, id := range numbers(51, 55) {
		if e := nextEvent(t, r); e.ID != id {
			t.Fatalf("got %s, want %s", e.ID, id)
		}
	}
}

// TestAReplayGoesOnWithAStreamThatLostItsEnd puts an older copy of the store back.
func TestAReplayGoesOnWithAStreamThatLostItsEnd(t *testing.T) {
	s := natstest.Start(t, nil)
	b := ready(t, external(t, s.URL(), nil))
	store(t, b, "weir.evt.x", numbers(1, 20)...)
	s.Stop()
	older := t.TempDir()
	if err := os.CopyFS(older, os.DirFS(s.Dir())); err != nil {
		t.Fatal(err)
	}
	restart(t, s, b)
	store(t, b, "weir.evt.x", numbers(21, 50)...)
	r := replay(t, b, bus.ReplayRequest{Follow: true})
	same(t, rest(t, r), numbers(1, 50))
	s.Stop()
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.Dir(), os.DirFS(older)); err != nil {
		t.Fatal(err)
	}
	restart(t, s, b)
	store(t, b, "weir.evt.x", numbers(51, 55)...)
	for _, id := range numbers(51, 55) {
		if e := nextEvent(t, r); e.ID != id {
			t.Fatalf("got %s, want %s", e.ID, id)
		}
	}
}

func TestAReplayGoesOnWithAStreamThatWasMadeAnew(t *testing.T) {
	b := ready(t, start(t, nil))
	store(t, b, "weir.evt.x", numbers(1, 5)...)
	r := replay(t, b, bus.ReplayRequest{Follow: true})
	same(t, rest(t, r), numbers(1, 5))
	if err := b.JetStream().DeleteStream(t.Context(), "WEIR_EVENTS"); err != nil {
		t.Fatal(err)
	}
	await(t, deposit(t, b, "weir.evt.x", "lost", ""))
	store(t, ready(t, b), "weir.evt.x", "new")
	if e := nextEvent(t, r); e.ID != "new" {
		t.Errorf("got %q", e.ID)
	}
}

func TestWhichReplaysAreRefused(t *testing.T) {
	b := ready(t, start(t, nil))
	for _, want := range []bus.ReplayRequest{{Last: -1}, {Last: 10_001}, {Upstream: "a.b"}, {Upstream: ">"}} {
		if _, err := b.Replay(t.Context(), want); !errors.Is(err, bus.ErrConfig) {
			t.Errorf("%+v: %v, want %v", want, err, bus.ErrConfig)
		}
	}
}
