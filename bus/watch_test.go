package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/natstest"
)

// watched is a bucket and what a watch of it tells.
type watched struct {
	t    *testing.T
	b    *bus.Bus
	kv   jetstream.KeyValue
	told chan bus.Entry
	end  context.CancelFunc
	done chan error
}

func watchBucket(t *testing.T, b *bus.Bus, keys ...string) *watched {
	t.Helper()
	w := &watched{t: t, b: b, told: make(chan bus.Entry, 1000), done: make(chan error, 1)}
	w.make()
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	go func() { w.done <- b.Watch(ctx, "test", keys, func(e bus.Entry) { w.told <- e }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-w.done; !errors.Is(err, context.Canceled) {
			t.Errorf("watch: %v", err)
		}
	})
	return w
}

func (w *watched) make() {
	w.t.Helper()
	ready(w.t, w.b)
	kv, err := w.b.JetStream().CreateKeyValue(w.t.Context(), jetstream.KeyValueConfig{Bucket: "test", History: 5, Storage: jetstream.FileStorage})
	if err != nil {
		w.t.Fatal(err)
	}
	w.kv = kv
}

func (w *watched) put(key, value string) {
	w.t.Helper()
	if _, err := w.kv.PutString(w.t.Context(), key, value); err != nil {
		w.t.Fatal(err)
	}
}

// wants checks what is told next, without revisions.
func (w *watched) wants(want ...bus.Entry) {
	w.t.Helper()
	for _, entry := range want {
		select {
		case got := <-w.told:
			got.Revision = 0
			if diff := cmp.Diff(entry, got); diff != "" {
				w.t.Errorf("entry (-want +got):\n%s", diff)
			}
		case <-time.After(20 * time.Second):
			w.t.Fatalf("nothing was told, want %+v", entry)
		}
	}
}

func value(key, text string) bus.Entry { return bus.Entry{Key: key, Value: []byte(text)} }
func gone(key string) bus.Entry        { return bus.Entry{Key: key, Deleted: true} }

func TestAWatchTellsWhatIsThereAndWhatChanges(t *testing.T) {
	b := start(t, nil)
	w := watchBucket(t, b)
	w.wants(bus.Entry{CaughtUp: true})
	w.put("a", "1")
	w.put("a", "2")
	w.wants(value("a", "1"), value("a", "2"))
	if err := w.kv.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	w.wants(gone("a"))
	w.put("b", "1")
	w.wants(value("b", "1"))
	second := watchBucket(t, b, "a", "b")
	second.wants(value("b", "1"), bus.Entry{CaughtUp: true})
}

func TestAWatchSurvivesARestartOfTheServer(t *testing.T) {
	s := natstest.Start(t, nil)
	w := watchBucket(t, external(t, s.URL(), nil))
	w.wants(bus.Entry{CaughtUp: true})
	w.put("a", "1")
	w.wants(value("a", "1"))
	for range 3 {
		restart(t, s, w.b)
		w.put("a", "2")
		w.put("b", "3")
		w.wants(value("a", "2"), value("b", "3"))
	}
}

func TestAWatchTellsWhatChangedWhileNobodyWatched(t *testing.T) {
	s := natstest.Start(t, nil)
	b := external(t, s.URL(), nil)
	w := watchBucket(t, b)
	w.wants(bus.Entry{CaughtUp: true})
	w.put("a", "1")
	w.put("b", "1")
	w.put("c", "1")
	w.wants(value("a", "1"), value("b", "1"), value("c", "1"))
	// The bucket is another one afterwards: revisions begin at 1 again.
	if err := w.b.JetStream().DeleteKeyValue(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	w.make()
	w.put("b", "2")
	got := map[string]bus.Entry{}
	for len(got) < 3 {
		select {
		case e := <-w.told:
			got[e.Key] = e
		case <-time.After(20 * time.Second):
			t.Fatalf("told: %+v", got)
		}
	}
	want := map[string]bus.Entry{"a": gone("a"), "b": {Key: "b", Value: []byte("2"), Revision: 1}, "c": gone("c")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestAWatchOfSomeKeysIsNotDisturbedByOthers(t *testing.T) {
	s := natstest.Start(t, nil)
	w := watchBucket(t, external(t, s.URL(), nil), "mine.>", "also")
	w.wants(bus.Entry{CaughtUp: true})
	for _, text := range []string{"1", "2", "3"} {
		w.put("other", text) // the watch is behind its bucket, for good
		w.put("mine.a", text)
		w.wants(value("mine.a", text))
		restart(t, s, w.b)
		w.put("also", text)
		w.wants(value("also", text))
	}
}

func TestAWatchThatLostItsConsumerBeginsAgain(t *testing.T) {
	var log lockedBuffer
	b := start(t, func(c *bus.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	w := watchBucket(t, b)
	w.wants(bus.Entry{CaughtUp: true})
	stream, err := b.JetStream().Stream(t.Context(), "KV_test")
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if err := stream.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	w.put("a", "1")
	w.wants(value("a", "1"))
	// Without that the client would notice by missing heart-beats, later.
	if !strings.Contains(log.String(), "it lags behind its bucket") {
		t.Error("it was not noticed that the watch lagged behind")
	}
}

func TestAWatchEndsWithItsBus(t *testing.T) {
	b := start(t, nil)
	w := watchBucket(t, b)
	w.wants(bus.Entry{CaughtUp: true})
	stop(t, b)
	w.end()
}
