package bus_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/weirproxy/weir/bus"
)

// guests are who is not a member.
func guests(t *testing.T, b *bus.Bus) map[string]*client {
	t.Helper()
	return map[string]*client{"anonymous": connect(t, b), "operator": operator(t, b)}
}

// apiError asks JetStream and returns the error in its answer, or "".
func apiError(t *testing.T, c *client, subject, body string) string {
	t.Helper()
	msg, err := c.Request(subject, []byte(body), 10*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	var answer struct {
		Error struct{ Description string }
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		t.Fatalf("%s: %v: %s", subject, err, msg.Data)
	}
	return answer.Error.Description
}

func TestGuestsReplayWithAnyClient(t *testing.T) {
	b := ready(t, start(t, nil))
	store(t, b, "weir.evt.health.web.x", numbers(1, 5)...)
	for name, c := range guests(t, b) {
		t.Run(name, func(t *testing.T) {
			js, err := jetstream.New(c.Conn)
			if err != nil {
				t.Fatal(err)
			}
			ordered, err := js.OrderedConsumer(t.Context(), "WEIR_EVENTS", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"weir.evt.health.>"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range numbers(1, 5) {
				msg, err := ordered.Next()
				if err != nil {
					t.Fatal(err)
				}
				if string(msg.Data()) != id || msg.Subject() != "weir.evt.health.web.x" || msg.Headers()["ce-id"][0] != id {
					t.Errorf("got %s on %s, %v", msg.Data(), msg.Subject(), msg.Headers())
				}
			}
		})
	}
}

func TestConsumersThatGuestsMayNotHave(t *testing.T) {
	b := ready(t, start(t, nil))
	c := connect(t, b)
	for name, test := range map[string]struct{ body, words string }{
		"one that pushes":                  {`{"stream_name":"WEIR_EVENTS","config":{"deliver_subject":"weir.svc.config.put.upstream.web"}}`, "deliver_subject"},
		"one that pushes to an inbox":      {`{"stream_name":"WEIR_EVENTS","config":{"deliver_subject":"_INBOX.x"}}`, "deliver_subject"},
		"one that pushes, in other letter": {`{"stream_name":"WEIR_EVENTS","config":{"Deliver_Subject":"weir.int.hb"}}`, "Deliver_Subject"},
		"one that pushes, said twice":      {`{"stream_name":"WEIR_EVENTS","config":{},"Config":{"deliver_subject":"weir.int.hb"}}`, "deliver_subject"},
		"one that stays":                   {`{"stream_name":"WEIR_EVENTS","config":{"durable_name":"d"}}`, "durable_name"},
		"one of another stream":            {`{"stream_name":"KV_weir-config","config":{}}`, "WEIR_EVENTS"},
		"one that nobody knows":            {`{"stream_name":"WEIR_EVENTS","config":{"new":1}}`, "new"},
		"one that is too long":             {`{"stream_name":"` + strings.Repeat("x", 20<<10) + `"}`, "bytes"},
		"no JSON":                          {`x`, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := apiError(t, c, "$JS.API.CONSUMER.CREATE.WEIR_EVENTS.x", test.body); !strings.Contains(got, test.words) {
				t.Errorf("got %q, want %q", got, test.words)
			}
		})
	}
	if n := stream(t, b, "weir").State.Consumers; n != 0 {
		t.Errorf("%d consumers were made", n)
	}
}

func TestGuestsCannotExhaustTheServerWithConsumers(t *testing.T) {
	b := ready(t, start(t, nil))
	c := connect(t, b)
	refused := ""
	for i := 0; refused == "" && i < 1000; i++ {
		refused = apiError(t, c, fmt.Sprintf("$JS.API.CONSUMER.CREATE.WEIR_EVENTS.c%d", i), fmt.Sprintf(`{"stream_name":"WEIR_EVENTS","config":{"name":"c%d","ack_policy":"none"}}`, i))
	}
	if !strings.Contains(refused, "maximum consumers limit") {
		t.Errorf("got %q", refused)
	}
	if got := apiError(t, c, "$JS.API.CONSUMER.DELETE.WEIR_EVENTS.c0", ""); got != "" {
		t.Errorf("delete: %s", got)
	}
	long := `{"stream_name":"WEIR_EVENTS","config":{"name":"long","ack_policy":"none","inactive_threshold":360000000000000}}`
	if got := apiError(t, c, "$JS.API.CONSUMER.CREATE.WEIR_EVENTS.long", long); !strings.Contains(got, "inactive threshold") {
		t.Errorf("one that outlives its reader: got %q", got)
	}
	store(t, b, "weir.evt.x", "1")
	same(t, rest(t, replay(t, b, bus.ReplayRequest{})), numbers(1, 1)) // weir itself needs none
}

// baits are the requests whose answer a guest may want somewhere else.
func baits(t *testing.T, c *client) map[string]string {
	t.Helper()
	create := `{"stream_name":"WEIR_EVENTS","config":{"name":"bait","ack_policy":"none","deliver_policy":"all"}}`
	if got := apiError(t, c, "$JS.API.CONSUMER.CREATE.WEIR_EVENTS.bait", create); got != "" && !strings.Contains(got, "already") {
		t.Fatal(got)
	}
	return map[string]string{
		"$JS.API.INFO": "", "$JS.API.STREAM.NAMES": "", "$JS.API.STREAM.INFO.WEIR_EVENTS": "", "$JS.API.STREAM.MSG.GET.WEIR_EVENTS": `{"seq":1}`,
		"$JS.API.DIRECT.GET.WEIR_EVENTS": `{"seq":1,"batch":5}`, "$JS.API.DIRECT.GET.WEIR_EVENTS.weir.evt.health.web.x": "",
		"$JS.API.CONSUMER.MSG.NEXT.WEIR_EVENTS.bait": `{"batch":2,"no_wait":true}`, "$JS.API.CONSUMER.CREATE.WEIR_EVENTS.bait": create,
		"$JS.API.CONSUMER.INFO.WEIR_EVENTS.bait": "", "$SRV.PING": "", "$SYS.REQ.USER.INFO": "", "weir.svc.state.test": "{}",
	}
}

func TestNoAnswerLandsWhereItIsAnEventOrARequest(t *testing.T) {
	b := ready(t, start(t, nil))
	served := make(chan bus.Request, 100)
	serve(t, b, endpoint("state.test", func(bus.Request) ([]byte, error) { return []byte(`{"type":"weir.health.v1.flip"}`), nil }),
		endpoint("config.put.>", func(r bus.Request) ([]byte, error) { served <- r; return nil, nil }))
	store(t, b, "weir.evt.health.web.x", numbers(1, 3)...)
	inside := b.Listen(t, ">")
	for name, c := range guests(t, b) {
		t.Run(name, func(t *testing.T) {
			outside := connect(t, b).subscribe("weir.evt.>")
			if name == "operator" {
				outside = operator(t, b).subscribe("weir.evt.>")
			}
			targets := []string{"weir.evt.health.web.y", "weir.int.hb", "$KV.weir-config.upstream.web", "$JS.API.STREAM.DELETE.WEIR_EVENTS",
				"$JS.API.STREAM.PURGE.WEIR_EVENTS"}
			if name == "anonymous" { // an operator may put
				targets = append(targets, "weir.svc.config.put.upstream.web")
			}
			for bait, body := range baits(t, c) {
				for _, target := range targets {
					if err := c.PublishRequest(bait, target, []byte(body)); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.flush()
			apiError(t, c, "$JS.API.STREAM.INFO.WEIR_EVENTS", "") // what was asked before is answered
			if err := b.Publish("weir.evt.end", nil, nil); err != nil {
				t.Fatal(err)
			}
			for msg := next(t, outside); msg.Subject != "weir.evt.end"; msg = next(t, outside) {
				t.Errorf("an answer became an event: %s %v %s", msg.Subject, msg.Header, msg.Data)
			}
			for subject := range inside.Until(t, "weir.evt.end") {
				for _, target := range targets {
					if subject == target {
						t.Errorf("an answer arrived inside on %s", subject)
					}
				}
			}
		})
	}
	if info := stream(t, b, "weir"); info.State.Msgs != 3 || len(served) != 0 {
		t.Errorf("%d events in the stream, want 3; %d requests served, want 0", info.State.Msgs, len(served))
	}
}
