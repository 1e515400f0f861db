package bus_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/weirproxy/weir/bus"
)

// forbiddenToReaders are subjects that only members, operators or nobody may publish on.
var forbiddenToReaders = []string{
	"weir.svc.config.put.upstream.web", "weir.svc.config.delete.upstream.web", "weir.svc.config.rollback.upstream.web",
	"weir.svc.config.apply", "weir.svc.peer.drain.web.x", "weir.svc.peer.undrain.web.x", "weir.svc.peer.probe.web.x",
}

// forbiddenToAll are subjects that nobody outside may publish on, operators included.
var forbiddenToAll = []string{
	"weir.evt.health.web.x", "weir.evt.upstream.web", "weir.int.hb", "weir.int.state", "$KV.weir-config.upstream.web", "$O.x", "_INBOX.x",
	"$JS.API.STREAM.DELETE.WEIR_EVENTS", "$JS.API.STREAM.PURGE.WEIR_EVENTS", "$JS.API.STREAM.CREATE.X", "$JS.API.STREAM.UPDATE.WEIR_EVENTS",
	"$JS.API.STREAM.MSG.DELETE.WEIR_EVENTS", "$JS.API.DIRECT.GET.KV_weir-config.x", "$JS.API.CONSUMER.CREATE.WEIR_EVENTS",
	"$JS.API.CONSUMER.CREATE.KV_weir-config.x", "$JS.API.CONSUMER.DURABLE.CREATE.WEIR_EVENTS.x", "$JS.API.CONSUMER.MSG.NEXT.KV_weir-config.x",
	"$JS.API.CONSUMER.DELETE.KV_weir-config.x", "$JS.API.STREAM.SNAPSHOT.WEIR_EVENTS", "$JS.API.STREAM.RESTORE.WEIR_EVENTS", "$JS.ACK.WEIR_EVENTS.x",
	"weir.int.consumer.create.x",
	"$SYS.REQ.SERVER.PING", "weir", "other.evt.health.web.x",
}

// open to readers.
var allowedToReaders = []string{
	"weir.svc.state.get", "weir.svc.state.members.a", "weir.svc.config.get.upstream.web", "weir.svc.config.list",
	"weir.svc.config.validate.upstream.web", "weir.svc.config.history.upstream.web", "$SRV.PING", "$SRV.INFO.weir",
	"$JS.API.INFO", "$JS.API.STREAM.INFO.WEIR_EVENTS", "$JS.API.DIRECT.GET.WEIR_EVENTS", "$JS.API.CONSUMER.CREATE.WEIR_EVENTS.x",
}

func TestWhoMayPublishWhat(t *testing.T) {
	b := start(t, nil)
	for _, test := range []struct {
		name               string
		client             *client
		allowed, forbidden []string
	}{
		{"anonymous may ask and change nothing", connect(t, b), allowedToReaders, append(forbiddenToReaders[:len(forbiddenToReaders):len(forbiddenToReaders)], forbiddenToAll...)},
		{"an operator may ask for changes and spoof nothing", operator(t, b),
			append(allowedToReaders[:len(allowedToReaders):len(allowedToReaders)], forbiddenToReaders...), forbiddenToAll},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, subject := range test.allowed {
				if err := test.client.Publish(subject, nil); err != nil {
					t.Fatal(err)
				}
			}
			if got := test.client.refused(); len(got) != 0 {
				t.Errorf("refused: %q", got)
			}
			for _, subject := range test.forbidden {
				if err := test.client.Publish(subject, nil); err != nil {
					t.Fatal(err)
				}
				if got := test.client.refused(); len(got) != 1 || !strings.Contains(got[0], subject+`"`) {
					t.Errorf("publish on %s: refusals %q, want one", subject, got)
				}
			}
		})
	}
}

func TestWhoMaySubscribeToWhat(t *testing.T) {
	b := start(t, nil)
	for name, c := range map[string]*client{"anonymous": connect(t, b), "operator": operator(t, b)} {
		t.Run(name, func(t *testing.T) {
			for _, subject := range []string{">", "*.>", "weir.>", "weir.*.hb", "weir.int.>", "weir.svc.>", "$KV.>", "$JS.>", "$JS.EVENT.>", "$SYS.>", "$SRV.>"} {
				if _, err := c.SubscribeSync(subject); err != nil {
					t.Fatal(err)
				}
				if got := c.refused(); len(got) != 1 || !strings.Contains(got[0], `Subscription to "`+subject+`"`) {
					t.Errorf("subscribe to %s: refusals %q, want one", subject, got)
				}
			}
			events := c.subscribe("weir.evt.health.>")
			if err := b.Publish("weir.evt.health.web.x", map[string]string{"ce-id": "1"}, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			msg := next(t, events)
			if msg.Subject != "weir.evt.health.web.x" || string(msg.Data) != "{}" || msg.Header["ce-id"][0] != "1" {
				t.Errorf("got %s %v %s", msg.Subject, msg.Header, msg.Data)
			}
		})
	}
}

func TestARequestOfAReaderIsAnswered(t *testing.T) {
	b := start(t, nil)
	// The permissions apply to the reply's inbox too; nobody serves yet, so the
	// server answers that.
	if _, err := connect(t, b).Request("weir.svc.state.get", nil, 10*time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v, want no responders", err)
	}
}

func TestThePrefixMovesAllSubjects(t *testing.T) {
	b := start(t, func(c *bus.Config) { c.Prefix = "edge.eu" })
	c := connect(t, b)
	if err := c.Publish("edge.eu.svc.config.list", nil); err != nil {
		t.Fatal(err)
	}
	c.subscribe("edge.eu.evt.>")
	if got := c.refused(); len(got) != 0 {
		t.Errorf("refused: %q", got)
	}
	if err := c.Publish("weir.svc.config.list", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SubscribeSync("weir.evt.>"); err != nil {
		t.Fatal(err)
	}
	if got := c.refused(); len(got) != 2 {
		t.Errorf("refusals %q, want two", got)
	}
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	b := start(t, nil)
	for name, opts := range map[string][]nats.Option{
		"a wrong token":                          {nats.UserInfo("operator", "wrong")},
		"an empty token":                         {nats.UserInfo("operator", "")},
		"an unknown user":                        {nats.UserInfo("root", operatorToken)},
		"the token without its user":             {nats.Token(operatorToken)},
		"weir's own user, guessing its password": {nats.UserInfo("weir", "")},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := nats.Connect(b.ClientURL(), append(opts, nats.NoReconnect())...)
			if !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("got %v, want an authorization error", err)
			}
			if err == nil {
				conn.Close()
			}
		})
	}
}

func TestWithoutATokenThereIsNoOperator(t *testing.T) {
	b := start(t, func(c *bus.Config) { c.OperatorToken = "" })
	if _, err := nats.Connect(b.ClientURL(), nats.UserInfo("operator", ""), nats.NoReconnect()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("got %v, want an authorization error", err)
	}
}

func TestOffLoopbackAnonymousGetsNothing(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0"} {
		b := start(t, func(c *bus.Config) { c.Addr = addr })
		if conn, err := nats.Connect(b.ClientURL(), nats.NoReconnect()); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("at %s: got %v, want an authorization error", addr, err)
			if err == nil {
				conn.Close()
			}
		}
		operator(t, b).subscribe("weir.evt.>")
	}
}

func TestAnOpenServerLetsAnonymousDoEverything(t *testing.T) {
	b := start(t, func(c *bus.Config) { c.Open, c.OperatorToken = true, "" })
	c := connect(t, b)
	everything := c.subscribe(">")
	const subject = "weir.svc.config.put.upstream.web"
	if err := c.Publish(subject, []byte("x")); err != nil {
		t.Fatal(err)
	}
	msg := next(t, everything)
	for msg.Subject != subject { // what weir and JetStream tell each other
		msg = next(t, everything)
	}
	if string(msg.Data) != "x" {
		t.Errorf("got %s", msg.Data)
	}
}

func TestASlowReaderIsCutOffAndDelaysNobody(t *testing.T) {
	b := start(t, nil)
	// The client library would go on reading, so this one speaks for itself.
	slow, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if err := slow.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(slow, "CONNECT {\"verbose\":false}\r\nSUB weir.evt.> 1\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(slow)
	for line := ""; line != "PONG\r\n"; {
		if line, err = from.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	fast := connect(t, b).subscribe("weir.evt.>")
	body := make([]byte, 8<<10)
	begin := time.Now()
	for range 50 { // 40 MB in all: more than the server and the kernel keep for the slow one
		for range 100 {
			if err := b.Publish("weir.evt.x", nil, body); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 { // the other one keeps up, and gets everything
			next(t, fast)
		}
	}
	took := time.Since(begin)
	t.Logf("the other reader had everything after %v", took)
	if took > 1500*time.Millisecond {
		t.Errorf("it took %v until the other reader had everything", took)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for err == nil { // the server takes no more of it once it is cut off
		<-tick.C
		_, err = io.WriteString(slow, "PING\r\n")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("it was not cut off")
	}
}

func TestWhatWasPublishedBeforeCloseArrives(t *testing.T) {
	b := start(t, nil)
	const n = 1000
	got := make(chan *nats.Msg, n)
	c := connect(t, b)
	if _, err := c.ChanSubscribe("weir.evt.>", got); err != nil {
		t.Fatal(err)
	}
	c.flush()
	for range n {
		if err := b.Publish("weir.evt.x", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		select {
		case <-got:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d messages of %d arrived", i, n)
		}
	}
}
