package notifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// startNATS starts a NATS server with JetStream. Port -1 takes a free one.
func startNATS(t *testing.T, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

// stopNATS ends a server. Ending it again does nothing.
func stopNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// house is a notifier with an outbox on a bus on an external NATS.
type house struct {
	bus    *bus.Bus
	outbox *notifier.Outbox
	send   func(any)
}

func newHouse(t *testing.T, url string, bounds notifier.OutboxConfig) *house {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	b, err := bus.Start(bus.Config{URL: url, Member: "a", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	feed := notifier.NewFeed(10)
	cfg := notifier.Config{Prefix: "weir", Member: "a", Incarnation: "1", Outbox: bounds}
	outbox := notifier.NewOutbox(cfg, notifier.OutboxDeps{Publish: b.Publish, Store: b.Store, StoreReady: b.StoreReady, StoreChanged: b.Changes(),
		Uncertain: func(err error) bool { return errors.Is(err, bus.ErrUncertain) }, Feed: feed, Logger: quiet})
	done := make(chan struct{})
	go func() {
		defer close(done)
		outbox.Run(context.Background())
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		outbox.Flush(ctx)
		<-done
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	p := actortest.NewParent(t, actortest.System(), actortest.Config{})
	pid := p.Spawn(t, notifier.Props(cfg, notifier.Deps{Outbox: outbox, Feed: feed, Logger: quiet}), "notifier")
	return &house{bus: b, outbox: outbox, send: func(m any) { p.Send(pid, m) }}
}

// counts returns accepted, stored and dropped, and how many are pending.
func (h *house) counts() (accepted, stored, dropped, pending float64) {
	got := map[string]float64{}
	h.outbox.Collect(func(s meter.Sample) { got[s.Name] = s.Value })
	return got["weir_outbox_accepted_total"], got["weir_outbox_stored_total"], got["weir_outbox_dropped_total"], got["weir_outbox_entries"]
}

// numberedFlip is the n-th flip, of one of eight peers.
func numberedFlip(n int) messages.Flipped {
	return messages.Flipped{Upstream: "web", Peer: fmt.Sprintf("10.0.0.%d:80", n%8), From: messages.Healthy, To: messages.Unhealthy,
		Detail: fmt.Sprint(n), At: time.Date(2026, 11, 23, 8, 0, 0, n, time.UTC), Peers: 8, Seq: uint64(n)}
}

// event is what a test reads of a stored event.
type event struct {
	ID, Type, Peer, Detail string
	Late                   bool
}

// stored reads the whole stream.
func stored(t *testing.T, url string) []event {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, bus.StreamName("weir"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all []event
	for seq := info.State.FirstSeq; info.State.Msgs > 0 && seq <= info.State.LastSeq; seq++ {
		msg, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var e event
		if err := json.Unmarshal(msg.Data, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// ordered checks that each event is there once and each peer's in order, and
// returns how many there are.
func ordered(t *testing.T, all []event) map[int]bool {
	t.Helper()
	there, last := map[int]bool{}, map[string]int{}
	for _, e := range all {
		if e.Type != "weir.health.v1.flip" {
			continue
		}
		var n int
		if _, err := fmt.Sscan(e.Detail, &n); err != nil {
			t.Fatal(err)
		}
		if there[n] {
			t.Errorf("%d is stored twice", n)
		}
		if n < last[e.Peer] {
			t.Errorf("%d of %s comes after %d", n, e.Peer, last[e.Peer])
		}
		there[n], last[e.Peer] = true, n
	}
	return there
}

func TestEventsSurviveOutagesOfARealServerOnceAndInOrder(t *testing.T) {
	dir := t.TempDir()
	nats := startNATS(t, dir, -1)
	url, port := nats.ClientURL(), nats.Addr().(*net.TCPAddr).Port
	t.Cleanup(func() { stopNATS(nats) })
	h := newHouse(t, url, notifier.OutboxConfig{Retry: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond})
	actortest.Eventually(t, "the stream", h.bus.StoreReady)
	n := 0
	burst := func(count int) {
		for range count {
			n++
			h.send(numberedFlip(n))
		}
	}
	for range 3 {
		burst(60)
		stopNATS(nats) // while they are in flight
		burst(60)
		nats = startNATS(t, dir, port)
		burst(60)
		within(t, "all are stored", func() bool {
			accepted, stored, dropped, pending := h.counts()
			if accepted != stored+dropped+pending {
				t.Fatalf("accepted %v, stored %v, dropped %v, pending %v", accepted, stored, dropped, pending)
			}
			return int(accepted) >= n && pending == 0
		})
	}
	there := ordered(t, stored(t, url))
	_, _, dropped, _ := h.counts()
	if len(there) != n || dropped != 0 {
		t.Errorf("%d of %d are stored, %v dropped", len(there), n, dropped)
	}
}

// within polls like actortest.Eventually, for longer: a server has to start and
// a client to find it.
func within(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 60s: %s", what)
		}
		<-tick.C
	}
}

func TestALiveCopyIsNotStored(t *testing.T) {
	nats := startNATS(t, t.TempDir(), -1)
	t.Cleanup(func() { stopNATS(nats) })
	h := newHouse(t, nats.ClientURL(), notifier.OutboxConfig{})
	actortest.Eventually(t, "the stream", h.bus.StoreReady)
	header := map[string]string{"Nats-Msg-Id": "x"}
	if err := h.bus.Publish("weir.evt.health.web.x", header, []byte(`{"type":"weir.health.v1.flip","detail":"1"}`)); err != nil {
		t.Fatal(err)
	}
	h.send(numberedFlip(2))
	within(t, "the next is stored", func() bool { _, stored, _, _ := h.counts(); return stored == 1 })
	if there := ordered(t, stored(t, nats.ClientURL())); there[1] || !there[2] {
		t.Errorf("stored: %v", there)
	}
}
