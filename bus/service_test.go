package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/natstest"
)

// endpoint makes an endpoint of a handler without a context.
func endpoint(subject string, handler func(bus.Request) ([]byte, error)) bus.Endpoint {
	name, _, _ := strings.Cut(strings.ReplaceAll(subject, ".", "-"), "-*")
	return bus.Endpoint{Name: strings.TrimSuffix(name, "->"), Subject: subject, Type: "weir.test.v1", Queue: true,
		Handler: func(_ context.Context, r bus.Request) ([]byte, error) { return handler(r) }}
}

func serve(t *testing.T, b *bus.Bus, endpoints ...bus.Endpoint) {
	t.Helper()
	if err := b.Serve(bus.Service{Version: "1.2.3", Description: "a test", Endpoints: endpoints}); err != nil {
		t.Fatal(err)
	}
}

// answer asks, and returns the code of an error in the answer too.
func answer(t *testing.T, c *client, subject, body string) (text, code string) {
	t.Helper()
	msg, err := c.Request(subject, []byte(body), 20*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	var told struct {
		Type  string
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(msg.Data, &told); err != nil {
		t.Fatalf("%s: %v: %s", subject, err, msg.Data)
	}
	if (told.Error.Code == "") != (msg.Header.Get("Nats-Service-Error-Code") == "") {
		t.Errorf("%s: the body %s and the headers %v differ", subject, msg.Data, msg.Header)
	}
	return string(msg.Data), told.Error.Code
}

func TestRequestsAreAnswered(t *testing.T) {
	b := start(t, nil)
	serve(t, b,
		endpoint("state.status", func(r bus.Request) ([]byte, error) { return []byte(`{"type":"weir.state.v1.status"}`), nil }),
		endpoint("state.upstream.*", func(r bus.Request) ([]byte, error) {
			return json.Marshal(map[string]any{"subject": r.Subject, "body": string(r.Body), "answered": r.Answered})
		}),
		endpoint("state.missing", func(bus.Request) ([]byte, error) {
			return nil, &bus.ServiceError{Code: "not_found", Message: "no such upstream", Status: 404}
		}),
		endpoint("state.broken", func(bus.Request) ([]byte, error) { return nil, errors.New("a secret of the house") }),
		endpoint("state.panic", func(bus.Request) ([]byte, error) { panic("a secret of the house") }),
	)
	for name, c := range guests(t, b) {
		t.Run(name, func(t *testing.T) {
			for _, test := range []struct{ subject, want, code string }{
				{"weir.svc.state.status", `{"type":"weir.state.v1.status"}`, ""},
				{"weir.svc.state.upstream.web", `{"answered":true,"body":"ask","subject":"state.upstream.web"}`, ""},
				{"weir.svc.state.missing", `{"error":{"code":"not_found","message":"no such upstream"},"type":"weir.test.v1"}`, "not_found"},
				{"weir.svc.state.broken", `{"error":{"code":"internal","message":"weir failed; its log has more"},"type":"weir.test.v1"}`, "internal"},
				{"weir.svc.state.panic", `{"error":{"code":"internal","message":"weir failed; its log has more"},"type":"weir.test.v1"}`, "internal"},
			} {
				if got, code := answer(t, c, test.subject, "ask"); got != test.want || code != test.code {
					t.Errorf("%s: got %s, code %q; want %s", test.subject, got, code, test.want)
				}
			}
		})
	}
}

func TestHandlersAreBounded(t *testing.T) {
	b := start(t, nil)
	var running, most atomic.Int32
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	serve(t, b, endpoint("state.slow", func(bus.Request) ([]byte, error) {
		most.Store(max(most.Load(), running.Add(1)))
		begun <- struct{}{}
		<-release
		running.Add(-1)
		return []byte(`{}`), nil
	}))
	c := connect(t, b)
	answers := c.subscribe("_INBOX.slow")
	for range 40 {
		if err := c.PublishRequest("weir.svc.state.slow", "_INBOX.slow", nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 16 {
		<-begun
	}
	for range 24 {
		if msg := next(t, answers); !strings.Contains(string(msg.Data), `"busy"`) {
			t.Errorf("got %s, want that it is busy", msg.Data)
		}
	}
	close(release)
	for range 16 {
		if msg := next(t, answers); string(msg.Data) != "{}" {
			t.Errorf("got %s", msg.Data)
		}
	}
	if most.Load() > 16 {
		t.Errorf("%d ran at a time", most.Load())
	}
}

func TestCloseWaitsForHandlersAndEndsThem(t *testing.T) {
	b := start(t, nil)
	begun, ended := make(chan struct{}), make(chan struct{})
	e := endpoint("state.slow", nil)
	e.Handler = func(ctx context.Context, _ bus.Request) ([]byte, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}
	serve(t, b, e)
	c := connect(t, b)
	if err := c.PublishRequest("weir.svc.state.slow", "_INBOX.x", nil); err != nil {
		t.Fatal(err)
	}
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); err != nil && !errors.Is(err, bus.ErrNotStopped) {
		t.Fatal(err)
	}
	stop(t, b)
	select {
	case <-ended:
	default:
		t.Error("Close returned and a handler still ran")
	}
}

func TestTricksAreNotServed(t *testing.T) {
	s := natstest.Start(t, nil) // whose users may do everything
	b := ready(t, external(t, s.URL(), nil))
	served := make(chan string, 100)
	serve(t, b, endpoint("config.put.>", func(r bus.Request) ([]byte, error) { served <- string(r.Body); return []byte(`{}`), nil }))
	conn, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, msg := range map[string]*nats.Msg{
		"an event":                    {Header: nats.Header{"ce-type": {"weir.health.v1.flip"}}},
		"an event in other letters":   {Header: nats.Header{"Ce-Id": {"1"}}},
		"a message of a stream":       {Header: nats.Header{"Nats-Sequence": {"1"}}},
		"a status":                    {Header: nats.Header{"Status": {"100"}}},
		"an answer wanted as event":   {Reply: "weir.evt.health.web.x"},
		"an answer wanted as request": {Reply: "weir.svc.config.put.upstream.web"},
	} {
		msg.Subject, msg.Data = "weir.svc.config.put.upstream.web", []byte(name)
		if err := conn.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Request("weir.svc.config.put.upstream.web", []byte("honest"), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := <-served; got != "honest" || len(served) != 0 {
		t.Errorf("served: %s", got)
	}
}

func TestServingSurvivesARestartOfTheServer(t *testing.T) {
	s := natstest.Prepare(t, nil)
	b := external(t, s.URL(), nil)
	serve(t, b, endpoint("state.status", func(bus.Request) ([]byte, error) { return []byte(`{}`), nil })) // nobody is there yet
	for range 2 {
		s.Restart()
		ready(t, b)
		conn, err := nats.Connect(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		// The server may know weir again a moment before it knows what weir serves.
		deadline := time.Now().Add(20 * time.Second)
		msg, err := conn.Request("weir.svc.state.status", nil, 20*time.Second)
		for errors.Is(err, nats.ErrNoResponders) && time.Now().Before(deadline) {
			msg, err = conn.Request("weir.svc.state.status", nil, 20*time.Second)
		}
		if err != nil || string(msg.Data) != "{}" {
			t.Errorf("got %v, %v", msg, err)
		}
		conn.Close()
	}
}
