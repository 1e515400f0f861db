package bus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/natstest"
)

func TestStreamNamesAreOneToOne(t *testing.T) {
	names := map[string]string{}
	for prefix, want := range map[string]string{
		"weir": "WEIR_EVENTS", "Weir": "=WEIR_EVENTS", "WEIR": "=W=E=I=R_EVENTS", "a.b": "A_B_EVENTS", "a_b": "A=_B_EVENTS", "a-b": "A-B_EVENTS",
		"a_.b": "A=__B_EVENTS", "a._b": "A_=_B_EVENTS", "ab": "AB_EVENTS", "a.b_events": "A_B=_EVENTS_EVENTS", "1.2": "1_2_EVENTS",
	} {
		got := bus.StreamName(prefix)
		if got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
		if other, taken := names[got]; taken {
			t.Errorf("%s and %s are both %s", prefix, other, got)
		}
		names[got] = prefix
	}
}

func FuzzStreamNames(f *testing.F) {
	f.Add("a.b", "a_b")
	f.Add("Weir", "weir")
	f.Add("a_.b", "a._b")
	f.Fuzz(func(t *testing.T, a, b string) {
		valid := func(r rune) bool {
			return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
		}
		if strings.ContainsFunc(a+b, func(r rune) bool { return !valid(r) }) {
			return
		}
		if x, y := bus.StreamName(a), bus.StreamName(b); a != b && x == y || strings.ContainsAny(x, ".*> ") {
			t.Errorf("%q is %s, %q is %s", a, x, b, y)
		}
	})
}

func TestTheStreamIsAsConfigured(t *testing.T) {
	dir := t.TempDir()
	events := bus.Events{}
	for _, test := range []struct {
		age   time.Duration
		bytes int64
		each  int64
		dupes time.Duration
	}{
		{168 * time.Hour, 256 << 20, 100, 2 * time.Minute}, // the defaults
		{time.Hour, 1 << 20, 5, time.Minute},
		{30 * time.Second, 2 << 20, 7, 30 * time.Second},
	} {
		b := ready(t, start(t, func(c *bus.Config) { c.Dir, c.Events = dir, events }))
		if events == (bus.Events{}) {
			store(t, b, "weir.evt.x", "kept")
		} else {
			events = bus.Events{MaxAge: test.age, MaxBytes: test.bytes, PerSubject: int(test.each), Duplicates: test.dupes}
			stop(t, b)
			b = ready(t, start(t, func(c *bus.Config) { c.Dir, c.Events = dir, events }))
		}
		info := stream(t, b, "weir")
		c := info.Config
		if c.MaxAge != test.age || c.MaxBytes != test.bytes || c.MaxMsgsPerSubject != test.each || c.Duplicates != test.dupes ||
			!c.AllowDirect || c.Storage != jetstream.FileStorage || c.PersistMode != jetstream.AsyncPersistMode || c.MaxConsumers != 128 {
			t.Errorf("the stream is %+v, want %+v", c, test)
		}
		if info.State.LastSeq != 1 {
			t.Errorf("its events are lost: %+v", info.State)
		}
		well(t, b)
		stop(t, b)
		events = bus.Events{MaxAge: time.Hour}
	}
}

func TestAStreamOfSomebodyElseIsRefusedAndLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		theirs jetstream.StreamConfig
		words  []string
	}{
		"with our name":              {jetstream.StreamConfig{Name: "WEIR_EVENTS", Subjects: []string{"theirs"}}, []string{"WEIR_EVENTS", "not made by weir", "another prefix"}},
		"with our name and subjects": {jetstream.StreamConfig{Name: "WEIR_EVENTS", Subjects: []string{"weir.evt.>"}}, []string{"WEIR_EVENTS", "not made by weir"}},
		"with our subjects":          {jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"weir.evt.health.>"}}, []string{"weir.evt.>", "THEIRS", "another prefix"}},
		"made by us for others": {jetstream.StreamConfig{Name: "WEIR_EVENTS", Subjects: []string{"other.evt.>"}, Metadata: map[string]string{"weir.events": "1"}},
			[]string{"WEIR_EVENTS", "other.evt.>"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := natstest.Start(t, nil)
			conn, err := nats.Connect(s.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			js, err := jetstream.New(conn)
			if err != nil {
				t.Fatal(err)
			}
			before, err := js.CreateStream(t.Context(), test.theirs)
			if err != nil {
				t.Fatal(err)
			}
			b := external(t, s.URL(), nil)
			problem(t, b, append(test.words, "events are not stored")...)
			if err := b.Publish("weir.evt.health.web.x", nil, nil); err != nil {
				t.Errorf("publish: %v", err)
			}
			after, err := js.Stream(t.Context(), test.theirs.Name)
			if err != nil || !equal(before.CachedInfo().Config.Subjects, after.CachedInfo().Config.Subjects) || after.CachedInfo().State.Msgs != 0 {
				t.Errorf("it was changed: %+v, %v", after.CachedInfo(), err)
			}
			if err := js.DeleteStream(t.Context(), test.theirs.Name); err != nil {
				t.Fatal(err)
			}
			well(t, b)
		})
	}
}

func equal(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") }

func TestWithoutJetStreamEventsAreLiveOnly(t *testing.T) {
	storage := false
	s := natstest.Start(t, func(o *server.Options) { o.JetStream = storage })
	b := external(t, s.URL(), nil)
	problem(t, b, "events are not stored", "JetStream is off")
	if err := b.Publish("weir.evt.x", nil, nil); err != nil {
		t.Errorf("publish: %v", err)
	}
	storage = true
	s.Restart()
	well(t, b)
}

func TestMoreBytesThanTheServerHasIsSaid(t *testing.T) {
	s := natstest.Start(t, func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 })
	b := external(t, s.URL(), nil)
	problem(t, b, "max_bytes", "268435456", "lower it")
}
