package notifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// world is what a notifier talks to.
type world struct {
	feed *Feed
	sub  *Subscription

	mu        sync.Mutex
	down      error // what Publish answers
	published []string
	log       bytes.Buffer
}

func (w *world) publish(subject string, header map[string]string, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return w.down
	}
	w.published = append(w.published, fmt.Sprint(subject, " ", header["ce-id"], " ", string(body)))
	return nil
}

// Write takes the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// fail has Publish fail from now on; nil has it succeed.
func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = err
}

// lines returns the log lines whose message is msg, without time.
func (w *world) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []map[string]any
	for line := range strings.Lines(w.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["msg"] == msg {
			delete(entry, "time")
			found = append(found, entry)
		}
	}
	return found
}

// samples returns name, labels and value of what the feed emits.
func (w *world) samples() map[string]float64 {
	out := map[string]float64{}
	w.feed.Collect(func(s meter.Sample) {
		name := s.Name
		for _, l := range s.Labels {
			name += " " + l.Name + "=" + l.Value
		}
		out[name] = s.Value
	})
	return out
}

// begin starts a notifier. Its parent restarts it when it crashes. crash makes it crash.
func begin(t *testing.T, w *world) (parent *actortest.Parent, pid *actor.PID) {
	t.Helper()
	w.feed = NewFeed(100)
	w.sub = w.feed.Subscribe(0)
	t.Cleanup(w.sub.Close)
	props := Props(cfg(), Deps{Publish: w.publish, Feed: w.feed, Logger: slog.New(slog.NewJSONHandler(w, nil))})
	props = props.Clone(actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, envelope *actor.MessageEnvelope) {
			if envelope.Message == crash {
				panic(crash)
			}
			next(c, envelope)
		}
	}))
	parent = actortest.NewParent(t, actortest.System(), actortest.Config{})
	return parent, parent.Spawn(t, props, "notifier")
}

const crash = "crash, please"

// beginStored starts a notifier whose events go into a stream, by an outbox that
// runs until the test ends.
func beginStored(t *testing.T, w *world, stream *fakeStream) (parent *actortest.Parent, pid *actor.PID) {
	t.Helper()
	outbox := NewOutbox(cfg(), stream.deps(w))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		outbox.Run(ctx)
	}()
	t.Cleanup(func() {
		if left := outbox.Flush(t.Context()); left > 0 {
			t.Errorf("%d events are left", left)
		}
		cancel()
		<-done
	})
	parent = actortest.NewParent(t, actortest.System(), actortest.Config{})
	props := Props(cfg(), Deps{Outbox: outbox, Feed: w.feed, Logger: slog.New(slog.NewJSONHandler(w, nil))})
	return parent, parent.Spawn(t, props, "notifier")
}

func TestWithAnOutboxEachEventIsStored(t *testing.T) {
	w, stream := &world{}, newFakeStream()
	p, pid := beginStored(t, w, stream)
	for _, event := range samples() {
		p.Send(pid, event)
	}
	settle(t, pid)
	actortest.Eventually(t, "all are stored", func() bool { return len(stream.details(&stream.stored)) == len(samples()) })
	for i, r := range w.feed.Last(100) { // which keeps ten, in the order in which they came
		if got := stream.stored[len(samples())-10+i]; got.ID != r.ID || got.Subject != r.Subject || got.Late {
			t.Errorf("stored %+v, the feed has %s at %s", got, r.ID, r.Subject)
		}
	}
	if got := w.samples()["weir_events_published_total"]; got != float64(len(samples())) {
		t.Errorf("%v counted as published", got)
	}
}

// settle ends the notifier after it handled all that was sent before.
func settle(t *testing.T, pid *actor.PID) {
	t.Helper()
	if err := actortest.System().Root.PoisonFuture(pid).Wait(); err != nil {
		t.Fatalf("the notifier does not end: %v", err)
	}
}

func TestEachEventGoesToFeedLogAndNATSAlike(t *testing.T) {
	w := &world{}
	p, pid := begin(t, w)
	for _, event := range samples() {
		p.Send(pid, event)
	}
	var want []string
	for range samples() {
		r := <-w.sub.C
		want = append(want, fmt.Sprint(r.Subject, " ", r.ID, " ", string(r.Body)))
		validate(t, r)
	}
	settle(t, pid)
	if diff := cmp.Diff(want, w.published); diff != "" {
		t.Errorf("what was published differs from the feed: %s", diff)
	}
	if len(w.feed.Last(100)) != len(samples()) {
		t.Errorf("the feed keeps %d", len(w.feed.Last(100)))
	}
	if got := w.samples()["weir_events_published_total"]; got != float64(len(samples())) {
		t.Errorf("%v counted as published", got)
	}
}

func TestAFlipIsOneLineOfLog(t *testing.T) {
	w := &world{}
	p, pid := begin(t, w)
	p.Send(pid, flip())
	settle(t, pid)
	want := []map[string]any{{"level": "INFO", "msg": "peer flipped", "upstream": "web", "peer": "10.0.0.1:8080", "from": "healthy", "to": "unhealthy",
		"reason": "connect_refused", "detail": "connect: connection refused", "held": 412.9e9, "available": 2.0, "peers": 3.0}}
	if diff := cmp.Diff(want, w.lines(t, "peer flipped")); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(w.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, w.log.String())
	}
}

func TestLevelsOfLog(t *testing.T) {
	for _, test := range []struct {
		event      messages.Event
		msg, level string
	}{
		{messages.UpstreamChanged{Change: messages.UpstreamAdded}, "upstream changed", "INFO"},
		{messages.UpstreamChanged{Change: messages.UpstreamUpdated}, "upstream changed", "INFO"},
		{messages.UpstreamChanged{Change: messages.UpstreamRemoved}, "upstream changed", "INFO"},
		{messages.UpstreamChanged{Change: messages.UpstreamHealthy}, "upstream changed", "INFO"},
		{messages.UpstreamChanged{Change: messages.UpstreamDegraded}, "upstream changed", "WARN"},
		{messages.UpstreamChanged{Change: messages.UpstreamDown}, "upstream changed", "WARN"},
		{messages.UpstreamChanged{Change: messages.UpstreamParked}, "upstream changed", "WARN"},
		{messages.UpstreamChanged{Change: messages.UpstreamUnproven}, "upstream changed", "WARN"},
		{messages.DiscoveryChanged{Change: messages.DiscoverySet}, "discovery changed", "INFO"},
		{messages.DiscoveryChanged{Change: messages.DiscoveryRecovered}, "discovery changed", "INFO"},
		{messages.DiscoveryChanged{Change: messages.DiscoveryFailure}, "discovery changed", "WARN"},
		{messages.ActorRestarted{}, "actor restarted", "INFO"},
	} {
		t.Run(fmt.Sprintf("%T %+v", test.event, test.event), func(t *testing.T) {
			w := &world{}
			logEvent(slog.New(slog.NewJSONHandler(w, nil)), test.event)
			lines := w.lines(t, test.msg)
			if len(lines) != 1 || lines[0]["level"] != test.level {
				t.Errorf("got %s, want one line %q at %s", w.log.String(), test.msg, test.level)
			}
		})
	}
}

func TestAnOutageIsLoggedOnceAndCountedEachTime(t *testing.T) {
	w := &world{}
	p, pid := begin(t, w)
	send := func(n int) { // and wait until they are through
		for range n {
			p.Send(pid, flip())
		}
		for range n {
			<-w.sub.C
		}
	}
	w.fail(errors.New("no connection"))
	send(5)
	p.Send(pid, crash) // an outage outlives an incarnation
	send(5)
	// The feed gets a record before it is published, so the state is asked for.
	actortest.Eventually(t, "ten failures", func() bool { return w.samples()["weir_events_failed_total"] == 10 })
	if got := w.lines(t, "events cannot be published"); len(got) != 1 || got[0]["error"] != "no connection" || got[0]["level"] != "WARN" {
		t.Errorf("begin of the outage: %v", got)
	}
	w.fail(nil)
	send(3)
	actortest.Eventually(t, "three published", func() bool { return w.samples()["weir_events_published_total"] == 3 })
	if got := w.lines(t, "events are published again"); len(got) != 1 || got[0]["not_published"] != 10.0 {
		t.Errorf("end of the outage: %v", got)
	}
	w.fail(errors.New("again"))
	send(1)
	settle(t, pid)
	if got := w.lines(t, "events cannot be published"); len(got) != 2 {
		t.Errorf("a second outage: %v", got)
	}
	if got := w.feed.Flips(); got != 14 {
		t.Errorf("%d flips, want all 14, published or not", got)
	}
}

func TestACrashLosesNeitherCountersNorTheOrderOfIds(t *testing.T) {
	w := &world{}
	p, pid := begin(t, w)
	change := messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamDown, At: noon()}
	seen := map[string]bool{}
	for range 5 {
		p.Send(pid, change)
		p.Send(pid, crash)
		seen[(<-w.sub.C).ID] = true
	}
	p.Send(pid, flip())
	settle(t, pid)
	if len(seen) != 5 {
		t.Errorf("five changes have %d ids", len(seen))
	}
	want := map[string]float64{"weir_events_published_total": 6, "weir_events_failed_total": 0, "weir_events_unknown_total": 0,
		"weir_flips_total upstream=web to=unhealthy": 1}
	if diff := cmp.Diff(want, w.samples()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoEventIsLoggedAndCounted(t *testing.T) {
	w := &world{}
	p, pid := begin(t, w)
	pointer := flip()
	for _, message := range []any{"a text", &pointer, messages.Starving{Upstream: "web"}} {
		p.Send(pid, message)
	}
	settle(t, pid)
	var types []string
	for _, line := range w.lines(t, "message not understood") {
		types = append(types, line["message"].(string))
	}
	slices.Sort(types)
	if diff := cmp.Diff([]string{"*messages.Flipped", "messages.Starving", "string"}, types); diff != "" {
		t.Error(diff)
	}
	if got := w.samples()["weir_events_unknown_total"]; got != 3 {
		t.Errorf("%v counted", got)
	}
	if len(w.published) != 0 || len(w.feed.Last(9)) != 0 {
		t.Error("it became an event")
	}
}

func TestFlipsAreCountedByUpstreamUntilThatIsRemoved(t *testing.T) {
	w := &world{}
	p, pid := begin(t, w)
	other := flip()
	other.Upstream, other.To = "other", messages.Healthy
	for _, event := range []messages.Event{flip(), flip(), other, messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamDown}} {
		p.Send(pid, event)
		<-w.sub.C
	}
	got := w.samples()
	if got["weir_flips_total upstream=web to=unhealthy"] != 2 || got["weir_flips_total upstream=other to=healthy"] != 1 {
		t.Errorf("got %v", got)
	}
	p.Send(pid, messages.UpstreamChanged{Upstream: "web", Change: messages.UpstreamRemoved})
	settle(t, pid)
	if _, there := w.samples()["weir_flips_total upstream=web to=unhealthy"]; there {
		t.Error("a removed upstream has a series")
	}
	if w.feed.Flips() != 3 {
		t.Errorf("%d flips in all, want 3", w.feed.Flips())
	}
}

var _ meter.Source = (*Feed)(nil)
