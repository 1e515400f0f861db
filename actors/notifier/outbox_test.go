package notifier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

// running is an outbox that runs, in a bubble.
type running struct {
	*numbered
	stream *fakeStream
	w      *world
	// pass lets time pass by the fake clock of the bubble.
	pass func(time.Duration)
}

// bubble runs test with an outbox of the given bounds that runs until it ends.
func bubble(t *testing.T, bounds OutboxConfig, test func(t *testing.T, b *running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, stream := &world{}, newFakeStream()
		config := cfg()
		config.Outbox = bounds
		o := NewOutbox(config, stream.deps(w))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			o.Run(ctx)
		}()
		test(t, &running{number1(o), stream, w, time.Sleep})
		cancel()
		<-done
		balanced(t, o)
	})
}

// want compares what is stored, or live, when nothing moves any more.
func (b *running) want(t *testing.T, what string, list *[]kept, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(append([]string{}, want...), b.stream.details(list)); diff != "" {
		t.Errorf("%s (-want +got): %s", what, diff)
	}
}

// lines returns the lines of log with the given message.
func (b *running) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	synctest.Wait()
	return b.w.lines(t, msg)
}

func TestWhileStoringWorksAnEventIsLiveAndStoredAtOnce(t *testing.T) {
	bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
		for range 3 {
			b.flip("p")
			b.down("web")
		}
		b.want(t, "stored", &b.stream.stored, "1", "2", "3", "4", "5", "6")
		b.want(t, "live", &b.stream.live, "1", "2", "3", "4", "5", "6")
		if log := b.w.log.String(); log != "" {
			t.Errorf("logged: %s", log)
		}
	})
}

func TestSeveralAreInFlightButNeverTwoOfASubject(t *testing.T) {
	bubble(t, OutboxConfig{InFlight: 3}, func(t *testing.T, b *running) {
		b.stream.held = true
		b.flip("p")
		b.flip("q")
		b.flip("q")
		b.flip("r")
		b.flip("s")
		b.want(t, "before any answer", &b.stream.live, "1", "2")
		b.stream.answer(0)
		b.want(t, "another subject's answer helps nothing", &b.stream.live, "1", "2")
		b.stream.answer(0)
		b.want(t, "after the answer of the subject", &b.stream.live, "1", "2", "3", "4", "5")
		b.flip("t")
		b.want(t, "three are in flight", &b.stream.live, "1", "2", "3", "4", "5")
		for range 4 {
			b.stream.answer(0)
			synctest.Wait()
		}
		b.want(t, "at last", &b.stream.live, "1", "2", "3", "4", "5", "6")
	})
}

func TestWhoWaitsForASlowStreamIsLiveAfterAWhile(t *testing.T) {
	bubble(t, OutboxConfig{Patience: 200 * time.Millisecond}, func(t *testing.T, b *running) {
		b.stream.held = true
		b.flip("p")
		b.flip("p")
		b.flip("q")
		b.pass(199 * time.Millisecond)
		b.want(t, "just before", &b.stream.live, "1")
		b.pass(time.Millisecond)
		b.want(t, "just then, in order", &b.stream.live, "1", "2", "3")
		b.flip("r")
		b.want(t, "from then on at once", &b.stream.live, "1", "2", "3", "4")
		if got := b.lines(t, "events cannot be stored, they wait"); len(got) != 0 {
			t.Errorf("logged at once: %v", got)
		}
		b.pass(time.Second)
		if got := b.lines(t, "events cannot be stored, they wait"); len(got) != 1 || got[0]["error"] != errSlow.Error() || got[0]["level"] != "WARN" {
			t.Errorf("logged: %v", got)
		}
		b.stream.answer(0)
		b.want(t, "what waited is live again when it is stored", &b.stream.live, "1", "2", "3", "4", "2 late", "3 late", "4 late")
		if got := b.lines(t, "events are stored again"); len(got) != 0 {
			t.Errorf("the end is told while late events are in flight: %v", got)
		}
		for range 3 {
			b.stream.answer(0)
			synctest.Wait()
		}
		b.want(t, "stored", &b.stream.stored, "1", "2 late", "3 late", "4 late")
		if got := b.lines(t, "events are stored again"); len(got) != 1 || got[0]["late"] != 3.0 || got[0]["dropped"] != 0.0 || got[0]["level"] != "INFO" {
			t.Errorf("logged: %v", got)
		}
		b.stream.held = false
		b.flip("p")
		b.want(t, "after the outage", &b.stream.stored, "1", "2 late", "3 late", "4 late", "5")
	})
}

func TestWithoutTheStreamEventsAreLiveAtOnceAndStoredLater(t *testing.T) {
	for _, test := range []struct {
		name    string
		trouble func(*fakeStream)
	}{
		{"the stream is away", func(s *fakeStream) { s.away = true }},
		{"it does not answer", func(s *fakeStream) { s.fate = func() fate { return msgLost } }},
		{"it refuses", func(s *fakeStream) { s.fate = func() fate { return refuses } }},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
				b.stream.set(test.trouble)
				synctest.Wait()
				for range 2 {
					b.flip("p")
					b.flip("q")
					synctest.Wait()
				}
				b.want(t, "stored", &b.stream.stored)
				first := []string{}
				for _, detail := range b.stream.details(&b.stream.live) {
					if !strings.HasSuffix(detail, " late") {
						first = append(first, detail)
					}
				}
				if diff := cmp.Diff([]string{"1", "2", "3", "4"}, first); diff != "" {
					t.Errorf("not live at once (-want +got): %s", diff)
				}
				b.pass(time.Second)
				b.stream.set(func(s *fakeStream) { s.away, s.fate, s.live = false, nil, nil })
				synctest.Wait()
				// After a refusal another subject is tried first.
				slices.SortStableFunc(b.stream.stored, func(a, b kept) int { return strings.Compare(a.Subject, b.Subject) })
				b.want(t, "stored after it, by subject", &b.stream.stored, "1 late", "3 late", "2 late", "4 late")
				if w := b.w; len(w.lines(t, "events cannot be stored, they wait")) != 1 || len(b.lines(t, "events are stored again")) != 1 {
					t.Errorf("logged: %s", w.log.String())
				}
			})
		})
	}
}

func TestWithoutAConnectionEventsWaitAndAreCounted(t *testing.T) {
	bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.gone = true })
		b.flip("p")
		b.flip("p")
		synctest.Wait()
		if got := b.w.samples()["weir_events_failed_total"]; got != 2 {
			t.Errorf("%v counted that were not live", got)
		}
		b.pass(time.Second)
		b.stream.set(func(s *fakeStream) { s.gone = false })
		b.want(t, "live", &b.stream.live, "1 late", "2 late")
		b.want(t, "stored", &b.stream.stored, "1 late", "2 late")
		if got := b.lines(t, "events are stored again"); len(got) != 1 || got[0]["not_live"] != 2.0 || got[0]["late"] != 2.0 {
			t.Errorf("logged: %v", got)
		}
	})
}

func TestWhatStoreDoesNotTakeIsPublished(t *testing.T) {
	bubble(t, OutboxConfig{}, func(t *testing.T, b *running) {
		busy := true
		store := b.o.deps.Store
		b.o.deps.Store = func(subject string, header map[string]string, body []byte, done func(bool, error)) error {
			if busy {
				busy = false
				return errGone
			}
			return store(subject, header, body, done)
		}
		b.flip("p")
		b.want(t, "live", &b.stream.live, "1")
		b.want(t, "stored", &b.stream.stored)
		b.pass(time.Second)
		b.want(t, "stored a little later", &b.stream.stored, "1 late")
	})
}

func TestWhatMayBeStoredIsNotSentAgainWhenTheStreamForgotItsId(t *testing.T) {
	for _, test := range []struct {
		away    time.Duration
		fate    fate
		stored  []string
		dropped float64
	}{
		{time.Minute, ackLost, []string{"1", "2 late"}, 0},
		{time.Minute, msgLost, []string{"1 late", "2 late"}, 0},
		{5 * time.Minute, ackLost, []string{"1", "2 late"}, 1},
		{5 * time.Minute, msgLost, []string{"2 late"}, 1},
		{5 * time.Minute, refuses, []string{"1 late", "2 late"}, 0},
	} {
		t.Run(fmt.Sprintf("fate %d, away for %v", test.fate, test.away), func(t *testing.T) {
			bubble(t, OutboxConfig{Duplicates: 2 * time.Minute}, func(t *testing.T, b *running) {
				b.stream.fate = func() fate { return test.fate }
				b.flip("p")
				synctest.Wait()
				b.stream.set(func(s *fakeStream) { s.gone, s.fate = true, nil })
				b.flip("p")
				b.pass(test.away)
				b.stream.set(func(s *fakeStream) { s.gone = false })
				synctest.Wait()
				got := b.stream.details(&b.stream.stored)
				if test.dropped > 0 { // then the outbox tells so
					got = got[:len(got)-1]
				}
				if diff := cmp.Diff(test.stored, got); diff != "" {
					t.Errorf("stored (-want +got): %s", diff)
				}
				if n := float64(b.o.dropped); n != test.dropped {
					t.Errorf("%v dropped, want %v", n, test.dropped)
				}
			})
		})
	}
}

func TestARemovedUpstreamHasNoProtection(t *testing.T) {
	bubble(t, OutboxConfig{Entries: 4}, func(t *testing.T, b *running) {
		b.stream.set(func(s *fakeStream) { s.away = true })
		for i := range 10 {
			b.flip(fmt.Sprint("p", i))
			synctest.Wait()
		}
		if b.o.dropped != 0 {
			t.Fatalf("%d latest flips dropped", b.o.dropped)
		}
		b.put(messages.UpstreamChanged{Upstream: "other", Change: messages.UpstreamRemoved})
		if b.o.dropped != 0 {
			t.Fatalf("%d dropped for another's sake", b.o.dropped)
		}
		b.put(messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamRemoved})
		synctest.Wait()
		b.stream.set(func(s *fakeStream) { s.away = false })
		b.want(t, "stored", &b.stream.stored, "9 late", "10 late", "11 late", "12 late", errAway.Error())
		if len(b.o.backlog.latest) != 0 {
			t.Errorf("it remembers %v", b.o.backlog.latest)
		}
	})
}
