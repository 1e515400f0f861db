package notifier_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/messages"
)

func TestAPlainClientOutsideSeesAFlip(t *testing.T) {
	b, err := bus.Start(bus.Config{Addr: "127.0.0.1:0", Dir: t.TempDir(), Member: "a", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	outside, err := nats.Connect(b.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(outside.Close)
	sub, err := outside.SubscribeSync("weir.evt.health.web.10_0_0_1/8080")
	if err != nil {
		t.Fatal(err)
	}
	if err := outside.FlushTimeout(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	feed := notifier.NewFeed(10)
	p := actortest.NewParent(t, actortest.System(), actortest.Config{})
	pid := p.Spawn(t, notifier.Props(notifier.Config{Prefix: "weir", Member: "a", Incarnation: "1"},
		notifier.Deps{Publish: b.Publish, Feed: feed, Logger: slog.New(slog.DiscardHandler)}), "notifier")
	at := time.Date(2026, 11, 23, 8, 15, 30, 0, time.UTC)
	p.Send(pid, messages.Flipped{Upstream: "web", Peer: "10.0.0.1:8080", From: messages.Healthy, To: messages.Unhealthy,
		Code: messages.CodeConnectRefused, Detail: "refused", At: at, Held: time.Minute, Available: 2, Peers: 3, Seq: 1})
	msg, err := sub.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	record := feed.Last(1)[0]
	header := nats.Header{"ce-specversion": {"1.0"}, "ce-id": {record.ID}, "ce-type": {"weir.health.v1.flip"}, "ce-source": {"/weir/a"},
		"ce-time": {"2026-11-23T08:15:30Z"}, "Nats-Msg-Id": {record.ID}}
	msg.Header.Del(nats.ExpectedStreamHdr) // which is between the bus and the stream
	if diff := cmp.Diff(header, msg.Header); diff != "" {
		t.Errorf("headers (-want +got): %s", diff)
	}
	var body map[string]any
	if err := json.Unmarshal(msg.Data, &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"type": "weir.health.v1.flip", "id": record.ID, "time": "2026-11-23T08:15:30Z", "member": "a", "upstream": "web",
		"peer": "10.0.0.1:8080", "from": "healthy", "to": "unhealthy", "reason": "connect_refused", "detail": "refused", "source": "probe",
		"held_s": 60.0, "available": 2.0, "peers": 3.0}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body (-want +got): %s", diff)
	}
}
