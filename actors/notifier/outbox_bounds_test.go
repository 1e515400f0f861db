package notifier

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/internal/meter"
)

func TestAFullOutboxDropsTheOldestAndTells(t *testing.T) {
	bubble(t, OutboxConfig{Entries: 4}, func(t *testing.T, b *running) {
		sub := b.w.feed.Subscribe(0)
		defer sub.Close()
		b.stream.set(func(s *fakeStream) { s.away = true })
		b.flip("p") // 1: the latest of p, until 4
		synctest.Wait()
		b.flip("q") // 2: the latest of q, for good
		b.down("x") // 3
		b.flip("p") // 4: the latest of p, for good
		for i := range 5 {
			b.down(fmt.Sprint("y", i)) // 5 to 9
		}
		b.want(t, "all are live", &b.stream.live, "1", "2", "3", "4", "5", "6", "7", "8", "9")
		if got := b.lines(t, "events are dropped"); len(got) != 1 || got[0]["level"] != "WARN" {
			t.Errorf("logged: %v", got)
		}
		b.pass(time.Minute)
		b.stream.set(func(s *fakeStream) { s.away = false })
		b.want(t, "stored", &b.stream.stored, "2 late", "4 late", "6 late", "7 late", "8 late", "9 late", errAway.Error())
		if got := b.lines(t, "events are stored again"); len(got) != 1 || got[0]["dropped"] != 3.0 || got[0]["late"] != 6.0 || got[0]["level"] != "WARN" {
			t.Errorf("logged: %v", got)
		}
		r := <-sub.C
		validate(t, r)
		var body droppedJSON
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		if r.Type != typeDropped || body.Dropped != 3 || body.StoredLate != 6 || r.ID != b.stream.stored[6].ID || r.Subject != "weir.evt.actor.outbox" {
			t.Errorf("the feed has %s at %s", r.Body, r.Subject)
		}
	})
}

func TestLatestFlipsAreBoundedToo(t *testing.T) {
	bubble(t, OutboxConfig{Entries: 2, Latest: 3}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.away = true })
		for i := range 8 {
			b.flip(fmt.Sprint("p", i))
			synctest.Wait()
		}
		b.flip("p3") // newer than the one that is an ordinary entry already
		synctest.Wait()
		if n := b.o.backlog.len(); n != 5 {
			t.Errorf("%d entries, want 2 + 3", n)
		}
		b.stream.set(func(s *fakeStream) { s.away = false })
		b.want(t, "stored", &b.stream.stored, "5 late", "6 late", "7 late", "8 late", "9 late", errAway.Error())
	})
}

func TestABurstThatFillsTheOutboxIsLiveBeforeItIsDropped(t *testing.T) {
	config := cfg()
	config.Outbox = OutboxConfig{Entries: 10, InFlight: 1, Patience: time.Hour}
	stream := newFakeStream()
	stream.held = true
	o := NewOutbox(config, stream.deps(&world{}))
	source := number1(o)
	for i := range 30 { // before Run could do anything
		source.down(fmt.Sprint("u", i))
	}
	step := func(now time.Time) {
		for j := o.next(now); j.action != actWait; j = o.next(now) {
			o.perform(j)
		}
	}
	// Ten are too many and wait only to be live, ten more are too many even for
	// that, one is in flight, nine wait their turn.
	step(time.Now())
	if n := len(stream.live); n != 11 {
		t.Errorf("%d of 30 are live at once, want 11", n)
	}
	step(time.Now().Add(2 * time.Hour))
	if n := len(stream.live); n != 20 {
		t.Errorf("%d of 30 are live, want 20", n)
	}
	balanced(t, o)
	if n := o.backlog.len(); n != 10 {
		t.Errorf("%d wait, want 10", n)
	}
}

func TestFlushStoresWhatIsLeft(t *testing.T) {
	bubble(t, OutboxConfig{Retry: time.Second}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.fate = func() fate { return refuses } })
		b.flip("p")
		synctest.Wait()
		b.stream.quietly(func(s *fakeStream) { s.fate = nil })
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		if left := b.o.Flush(ctx); left != 0 {
			t.Errorf("%d are left", left)
		}
		b.want(t, "stored", &b.stream.stored, "1 late")
		if left := b.o.Flush(ctx); left != 0 {
			t.Errorf("a second flush leaves %d", left)
		}
		b.flip("p")
		b.want(t, "after the end", &b.stream.live, "1", "1 late")
		if b.o.dropped != 1 {
			t.Errorf("%d dropped after the end, want 1", b.o.dropped)
		}
	})
}

func TestFlushGivesUpAndCounts(t *testing.T) {
	bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
		b.stream.held = true
		b.flip("p")
		b.flip("p")
		b.flip("q")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if left := b.o.Flush(ctx); left != 3 {
			t.Errorf("%d are left, want 3", left)
		}
		if got := b.lines(t, "events are lost: they could not be stored before the end"); len(got) != 1 || got[0]["dropped"] != 3.0 {
			t.Errorf("logged: %v", got)
		}
		b.stream.answer(0) // too late, and counted already
		synctest.Wait()
		if b.o.stored != 0 || b.o.dropped != 3 {
			t.Errorf("%d stored, %d dropped; want 0 and 3", b.o.stored, b.o.dropped)
		}
	})
}

func TestAnEmptyOutboxEndsAtOnceThoughNobodyRunsIt(t *testing.T) {
	o := NewOutbox(cfg(), newFakeStream().deps(&world{}))
	if left := o.Flush(context.Background()); left != 0 {
		t.Errorf("%d are left", left)
	}
	o.Run(context.Background()) // returns, because it has ended
}

func TestAStreamOfWhichNothingIsHeardAnyMoreIsLookedAfter(t *testing.T) {
	bubble(t, OutboxConfig{RetryMax: 5 * time.Second}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.away = true })
		b.flip("p")
		synctest.Wait()
		b.stream.quietly(func(s *fakeStream) { s.away = false })
		b.pass(5 * time.Second)
		b.want(t, "stored", &b.stream.stored, "1 late")
		close(b.stream.changed)
		b.flip("p")
		b.want(t, "after the channel was closed", &b.stream.stored, "1 late", "2")
	})
}

func TestTheOutboxCanBeMeasured(t *testing.T) {
	bubble(t, OutboxConfig{Entries: 2}, func(t *testing.T, b *running) {
		b.flip("p")
		synctest.Wait()
		b.stream.set(func(s *fakeStream) { s.away = true })
		for i := range 3 {
			b.down(fmt.Sprint("u", i))
		}
		b.pass(90 * time.Second)
		got := map[string]float64{}
		b.o.Collect(func(s meter.Sample) { got[s.Name] = s.Value })
		want := map[string]float64{"weir_outbox_accepted_total": 4, "weir_outbox_stored_total": 1, "weir_outbox_dropped_total": 1,
			"weir_outbox_entries": 2, "weir_outbox_oldest_seconds": 90}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

var _ meter.Source = (*Outbox)(nil)
