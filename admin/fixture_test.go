package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

const token = "s3cret-operator-token"

// fakeFeed keeps all events; a subscriber that has more than room waiting loses the oldest.
type fakeFeed struct {
	room int

	mu     sync.Mutex
	events []admin.Event
	subs   map[*fakeSubscription]struct{}
	closed bool
}

type fakeSubscription struct {
	feed    *fakeFeed
	waiting []admin.Event
	lost    uint64
	wake    chan struct{}
}

func newFakeFeed() *fakeFeed { return &fakeFeed{room: 256, subs: map[*fakeSubscription]struct{}{}} }

func (f *fakeFeed) Subscribe(last int) admin.Subscription {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &fakeSubscription{feed: f, wake: make(chan struct{}, 1)}
	s.waiting = append(s.waiting, f.events[max(0, len(f.events)-last):]...)
	f.subs[s] = struct{}{}
	return s
}

func (f *fakeFeed) add(e admin.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
	for s := range f.subs {
		s.waiting = append(s.waiting, e)
		if len(s.waiting) > f.room {
			s.waiting = s.waiting[1:]
			s.lost++
		}
		s.poke()
	}
}

// end ends all subscriptions.
func (f *fakeFeed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subs {
		s.poke()
	}
}

func (f *fakeFeed) subscribers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs)
}

func (s *fakeSubscription) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *fakeSubscription) Next(ctx context.Context) (admin.Event, error) {
	for {
		s.feed.mu.Lock()
		if len(s.waiting) > 0 {
			e := s.waiting[0]
			s.waiting = s.waiting[1:]
			s.feed.mu.Unlock()
			return e, nil
		}
		closed := s.feed.closed
		s.feed.mu.Unlock()
		if closed {
			return admin.Event{}, io.EOF
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return admin.Event{}, ctx.Err()
		}
	}
}

func (s *fakeSubscription) Lost() uint64 {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.lost
}

func (s *fakeSubscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	delete(s.feed.subs, s)
}

// flip is the event of a flip.
func flip(id, upstream, peer, from, to, reason, detail string) admin.Event {
	return adminEvent(id, "weir.health.v1.flip", map[string]any{"upstream": upstream, "peer": peer, "from": from, "to": to,
		"reason": reason, "detail": detail, "held_s": 412, "available": 2, "peers": 3})
}

// adminEvent is an event of now with more fields in its body.
func adminEvent(id, kind string, more map[string]any) admin.Event {
	at := time.Now().UTC()
	fields := map[string]any{"type": kind, "id": id, "time": at, "member": "a"}
	maps.Copy(fields, more)
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return admin.Event{ID: id, Type: kind, Time: at, Body: body}
}

// world is what an admin server shows.
type world struct {
	registry *balance.Registry
	feed     *fakeFeed

	mu       sync.Mutex
	ready    bool
	why      string
	degraded []string
	specs    []messages.UpstreamSpec
	routes   []messages.RouteSpec
}

func newWorld() *world {
	return &world{registry: balance.NewRegistry(), feed: newFakeFeed(), ready: true}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) deps() admin.Deps {
	locked := func(read func()) { w.set(read) }
	return admin.Deps{
		Registry: w.registry, Events: w.feed, Logger: slog.New(slog.DiscardHandler), Started: time.Now().Add(-3*time.Hour - 12*time.Minute),
		Ready:     func() (ready bool, why string) { locked(func() { ready, why = w.ready, w.why }); return },
		Degraded:  func() (lines []string) { locked(func() { lines = w.degraded }); return },
		Upstreams: func() (specs []messages.UpstreamSpec) { locked(func() { specs = w.specs }); return },
		Routes:    func() (routes []messages.RouteSpec) { locked(func() { routes = w.routes }); return },
		NATSAddr:  func() string { return "nats://127.0.0.1:4222" },
	}
}

// upstream publishes an upstream with n peers on 10.0.0.1 and up. An
// unhealthy verdict makes a peer unavailable.
func (w *world) upstream(name string, verdicts ...messages.Verdict) *balance.Ref {
	ref := w.registry.Ref(name)
	members := make([]balance.Member, len(verdicts))
	for i, v := range verdicts {
		p := ref.Peer(fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250+1))
		at := time.Now().Add(-time.Duration(i+1) * 97 * time.Second)
		switch v {
		case messages.Healthy:
			p.SetVerdict(v, messages.CodeOK, "", at)
			p.RecordProbe(balance.ProbeRecord{At: at, Took: time.Duration(1200+i*370) * time.Microsecond, Late: time.Millisecond, Code: messages.CodeOK})
		case messages.Unhealthy:
			p.SetVerdict(v, messages.CodeConnectRefused, "dial tcp "+p.Addr()+": connect: connection refused", at)
			p.RecordProbe(balance.ProbeRecord{At: at, Took: 400 * time.Microsecond, Code: messages.CodeConnectRefused, Detail: "connection refused"})
		}
		members[i] = balance.Member{Peer: p, Weight: 1, Available: v != messages.Unhealthy}
	}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: balance.Policy{Algo: messages.Algo{Kind: messages.RoundRobin}},
		Members: members, At: time.Now()}))
	w.set(func() {
		w.specs = append(w.specs, messages.UpstreamSpec{Name: name, Algo: messages.Algo{Kind: messages.RoundRobin},
			Check: messages.CheckSpec{Kind: messages.CheckHTTP, Frequency: 10 * time.Second, Success: 1, Failure: 2}})
		w.routes = append(w.routes, messages.RouteSpec{Name: name, Host: name + ".example.com", Path: messages.PathRule{Kind: messages.PathPrefix, Value: "/v1/"}, Upstream: name})
	})
	return ref
}

func newServer(t *testing.T, cfg admin.Config, deps admin.Deps) *admin.Server {
	t.Helper()
	if cfg.Version == "" {
		cfg.Version, cfg.Member = "v0.1.0", "a"
	}
	s, err := admin.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// start serves w on a loopback port and returns the URL.
func start(t *testing.T, w *world) string {
	t.Helper()
	url, _ := startServer(t, w)
	return url
}

// startServer also returns what ends the server early.
func startServer(t *testing.T, w *world) (url string, stop func()) {
	t.Helper()
	s, err := admin.New(admin.Config{Version: "v0.1.0", Member: "a"}, w.deps())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(l); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	t.Cleanup(stop)
	return "http://" + l.Addr().String(), stop
}

// get asks a handler as a client on loopback would.
func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "127.0.0.1:9070"
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if got := rec.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type: got %q, want application/json", got)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, rec.Body)
	}
	return v
}

type failure struct {
	Error struct{ Code, Message string }
}

// wantError checks an answer that is an error; part must be in its message.
func wantError(t *testing.T, rec *httptest.ResponseRecorder, status int, code, part string) {
	t.Helper()
	if rec.Code != status {
		t.Errorf("status: got %d, want %d", rec.Code, status)
	}
	got := decode[failure](t, rec).Error
	if got.Code != code || !strings.Contains(got.Message, part) {
		t.Errorf("error: got %+v, want code %s and %q in the message", got, code, part)
	}
}

// eventually polls until ok or ten seconds are over.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}
