package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/natstest"
)

// outcome is what a done was called with.
type outcome struct {
	duplicate bool
	err       error
}

// ready waits until events can be stored.
func ready(t *testing.T, b *bus.Bus) *bus.Bus {
	t.Helper()
	actortest.Eventually(t, "a place to store events", b.StoreReady)
	return b
}

// deposit stores and returns where the outcome comes.
func deposit(t *testing.T, b *bus.Bus, subject, id, body string) <-chan outcome {
	t.Helper()
	got := make(chan outcome, 2)
	err := b.Store(subject, map[string]string{"Nats-Msg-Id": id, "ce-id": id, "ce-type": "weir.test.v1"}, []byte(body), func(duplicate bool, err error) {
		got <- outcome{duplicate, err}
	})
	if err != nil {
		t.Fatalf("store %s: %v", id, err)
	}
	return got
}

func await(t *testing.T, got <-chan outcome) outcome {
	t.Helper()
	select {
	case o := <-got:
		return o
	case <-time.After(20 * time.Second):
		t.Fatal("done was not called")
		return outcome{}
	}
}

// store stores events and waits until they are.
func store(t *testing.T, b *bus.Bus, subject string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if o := await(t, deposit(t, b, subject, id, id)); o != (outcome{}) {
			t.Fatalf("store %s: duplicate %v, error %v", id, o.duplicate, o.err)
		}
	}
}

// numbers are the ids from..to.
func numbers(from, to int) []string {
	var ids []string
	for i := from; i <= to; i++ {
		ids = append(ids, strconv.Itoa(i))
	}
	return ids
}

// stream looks at the stream with weir's own rights.
func stream(t *testing.T, b *bus.Bus, prefix string) *jetstream.StreamInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := b.JetStream().Stream(ctx, bus.StreamName(prefix))
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo()
}

func TestWhatIsPublishedIsLiveAndNotStored(t *testing.T) {
	b := ready(t, start(t, nil))
	live := connect(t, b).subscribe("weir.evt.>")
	if err := b.Publish("weir.evt.health.web.x", map[string]string{"ce-id": "1"}, []byte("live")); err != nil {
		t.Fatal(err)
	}
	if msg := next(t, live); string(msg.Data) != "live" || msg.Reply != "" || msg.Header.Get("Nats-Expected-Stream") != "live.only" {
		t.Errorf("got %q, reply %q, %v", msg.Data, msg.Reply, msg.Header)
	}
	store(t, b, "weir.evt.health.web.x", "2") // comes after it
	if n := stream(t, b, "weir").State.Msgs; n != 1 {
		t.Errorf("%d messages are stored, want the second alone", n)
	}
	if msg := next(t, live); string(msg.Data) != "2" {
		t.Errorf("what was stored is not live: got %q", msg.Data)
	}
}

func TestWhatIsStoredTwiceIsADuplicate(t *testing.T) {
	b := ready(t, start(t, nil))
	store(t, b, "weir.evt.x", "a")
	if o := await(t, deposit(t, b, "weir.evt.x", "a", "again")); o != (outcome{duplicate: true}) {
		t.Errorf("got %+v, want a duplicate", o)
	}
	if n := stream(t, b, "weir").State.Msgs; n != 1 {
		t.Errorf("%d messages are stored, want 1", n)
	}
}

func TestWhatIsStoredKeepsItsOrderAndIsBounded(t *testing.T) {
	b := ready(t, start(t, func(c *bus.Config) { c.Events.PerSubject = 5000 }))
	const n = 3000
	outcomes := make(chan outcome, n)
	busy := false
	for i := range n {
		for {
			err := b.Store("weir.evt.x", nil, []byte(strconv.Itoa(i)), func(duplicate bool, err error) { outcomes <- outcome{duplicate, err} })
			if err == nil {
				break
			}
			if !errors.Is(err, bus.ErrBusy) {
				t.Fatal(err)
			}
			busy = true
			outcomes <- await(t, outcomes) // one is done: there is room
		}
	}
	for range n {
		if o := await(t, outcomes); o != (outcome{}) {
			t.Fatalf("got %+v", o)
		}
	}
	if !busy {
		t.Error("all were taken at once, want a bound")
	}
	r := replay(t, b, bus.ReplayRequest{})
	for i := range n {
		if e := nextEvent(t, r); string(e.Body) != strconv.Itoa(i) || e.Sequence != uint64(i+1) {
			t.Fatalf("event %d is %s at %d", i, e.Body, e.Sequence)
		}
	}
}

func TestARefusalOfTheServerIsToldAsOne(t *testing.T) {
	b := ready(t, start(t, nil))
	got := make(chan outcome, 2)
	err := b.Store("weir.evt.x", map[string]string{"Nats-Expected-Last-Sequence": "77"}, nil, func(duplicate bool, err error) { got <- outcome{duplicate, err} })
	if err != nil {
		t.Fatal(err)
	}
	o := await(t, got)
	if !errors.Is(o.err, bus.ErrNotStored) {
		t.Fatalf("got %v, want %v", o.err, bus.ErrNotStored)
	}
	mentions(t, o.err, "wrong last sequence")
}

func TestWithoutItsStreamNothingIsSent(t *testing.T) {
	b := ready(t, start(t, nil))
	b.HoldKeeper() // it would make the stream again at once
	if err := b.JetStream().DeleteStream(t.Context(), "WEIR_EVENTS"); err != nil {
		t.Fatal(err)
	}
	if o := await(t, deposit(t, b, "weir.evt.x", "1", "")); !errors.Is(o.err, bus.ErrNotStored) {
		t.Errorf("got %v, want %v", o.err, bus.ErrNotStored)
	}
	err := b.Store("weir.evt.x", nil, nil, func(bool, error) { t.Error("done was called") })
	if !errors.Is(err, bus.ErrNoStream) || b.StoreReady() {
		t.Errorf("got %v, ready %v, want %v", err, b.StoreReady(), bus.ErrNoStream)
	}
}

func TestAStreamThatIsDeletedIsMadeAgain(t *testing.T) {
	b := ready(t, start(t, nil))
	if err := b.JetStream().DeleteStream(t.Context(), "WEIR_EVENTS"); err != nil {
		t.Fatal(err)
	}
	for len(b.Changes()) > 0 {
		<-b.Changes()
	}
	if o := await(t, deposit(t, b, "weir.evt.x", "1", "")); !errors.Is(o.err, bus.ErrNotStored) {
		t.Errorf("got %v, want %v", o.err, bus.ErrNotStored)
	}
	select {
	case <-b.Changes():
	case <-time.After(10 * time.Second):
		t.Fatal("no change was told")
	}
	store(t, ready(t, b), "weir.evt.x", "2")
}

func TestABrokenConnectionLeavesItOpenWhetherSomethingIsStored(t *testing.T) {
	s := natstest.Start(t, nil)
	b := ready(t, external(t, s.URL(), nil))
	b.HoldAnswers()
	got := deposit(t, b, "weir.evt.x", "1", "")
	s.Stop()
	if o := await(t, got); !errors.Is(o.err, bus.ErrUncertain) {
		t.Errorf("got %v, want %v", o.err, bus.ErrUncertain)
	}
	err := b.Store("weir.evt.x", nil, nil, func(bool, error) { t.Error("done was called") })
	if !errors.Is(err, bus.ErrNotConnected) {
		t.Errorf("got %v, want %v", err, bus.ErrNotConnected)
	}
	s.Restart()
	ready(t, b)
}

func TestCloseTellsWhatItLeaves(t *testing.T) {
	b := ready(t, start(t, nil))
	b.HoldAnswers()
	var waiting []<-chan outcome
	for i := range 20 {
		waiting = append(waiting, deposit(t, b, "weir.evt.x", fmt.Sprint(i), ""))
	}
	stop(t, b)
	for _, got := range waiting {
		if len(got) != 1 {
			t.Fatalf("%d outcomes when Close returned, want 1", len(got))
		}
		if o := <-got; !errors.Is(o.err, bus.ErrUncertain) {
			t.Errorf("got %v, want %v", o.err, bus.ErrUncertain)
		}
	}
	if err := b.Store("weir.evt.x", nil, nil, func(bool, error) {}); !errors.Is(err, bus.ErrNotConnected) {
		t.Errorf("store after close: %v", err)
	}
}
