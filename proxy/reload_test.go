package proxy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// randomState makes a desired state of what may collide in every way: few names,
// few rules. A steady route and its upstream are always in it.
func randomState(rng *rand.Rand) messages.Desired {
	ups := []messages.UpstreamSpec{{Name: "steady", Retry: messages.RetrySpec{Attempts: rng.IntN(3)}, Transport: messages.Transport{IdleTimeout: time.Duration(rng.IntN(3))}}}
	routes := []messages.RouteSpec{{Name: "steady", Host: "steady.org", Upstream: "steady", Priority: 9, Timeout: time.Duration(rng.IntN(2)) * time.Hour}}
	for i := range 8 {
		if rng.IntN(3) > 0 {
			ups = append(ups, messages.UpstreamSpec{Name: fmt.Sprint("u", i), Retry: messages.RetrySpec{Attempts: rng.IntN(2)},
				Transport: messages.Transport{IdleTimeout: time.Duration(rng.IntN(2))}})
		}
	}
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	for i := range 40 {
		if rng.IntN(4) == 0 {
			continue
		}
		r := messages.RouteSpec{Name: fmt.Sprintf("r%02d", i), Upstream: fmt.Sprint("u", i%8), Priority: rng.IntN(4) / 3,
			Host: pick("", "a.org", "b.org", "*.org", "*.a.org", "A.org")}
		switch rng.IntN(4) {
		case 0:
			r.Path = exact(pick("/a", "/b", "/a/b"))
		case 1:
			r.Path = pattern(pick("^/a", "^/b", "b$", "/"))
		case 2:
			r.Path = prefix(pick("/", "/a", "/a/", "/b/a"))
		}
		if rng.IntN(10) == 0 {
			r.Upstream, r.Redirect.To = "", "/elsewhere"
		}
		routes = append(routes, r)
	}
	rng.Shuffle(len(routes), func(i, j int) { routes[i], routes[j] = routes[j], routes[i] })
	return messages.Desired{Upstreams: messages.ListOf(ups...), Routes: messages.ListOf(routes...)}
}

// spoil makes a state that must be refused of a good one.
func spoil(rng *rand.Rand, d messages.Desired) messages.Desired {
	ups, routes := d.Upstreams.Slice(), d.Routes.Slice()
	switch rng.IntN(4) {
	case 0:
		routes[rng.IntN(len(routes))].Path = pattern("(")
	case 1:
		routes[rng.IntN(len(routes))].Host = "a b"
	case 2:
		routes = append(routes, routes[rng.IntN(len(routes))])
	case 3:
		ups = append(ups, ups[rng.IntN(len(ups))])
	}
	return messages.Desired{Upstreams: messages.ListOf(ups...), Routes: messages.ListOf(routes...)}
}

// deltaOf says what leads from one state to another.
func deltaOf(from, to messages.Desired) (d Delta) {
	names := map[string]bool{}
	for _, u := range to.Upstreams.All() {
		d.Upstreams, names["u:"+u.Name] = append(d.Upstreams, u), true
	}
	for _, r := range to.Routes.All() {
		d.Routes, names["r:"+r.Name] = append(d.Routes, r), true
	}
	for _, u := range from.Upstreams.All() {
		if !names["u:"+u.Name] {
			d.RemovedUpstreams = append(d.RemovedUpstreams, u.Name)
		}
	}
	for _, r := range from.Routes.All() {
		if !names["r:"+r.Name] {
			d.RemovedRoutes = append(d.RemovedRoutes, r.Name)
		}
	}
	return d
}

func newReloadCore() (*Core, *balance.Ref) {
	registry := balance.NewRegistry()
	ref := registry.Ref("steady")
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Members: []balance.Member{{Peer: ref.Peer("10.0.0.1:80"), Weight: 1, Available: true}}}))
	return New(Deps{Registry: registry, NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return echoPeers{} }}), ref
}

// sameTables checks that two tables treat every request the same.
func sameTables(t *testing.T, got, want *table) {
	t.Helper()
	for _, host := range []string{"a.org", "b.org", "x.org", "y.a.org", "steady.org", "other", "org"} {
		for _, path := range []string{"/", "/a", "/a/", "/a/b", "/b", "/b/a/c", "/ab", "*"} {
			g, w := got.match(host, path), want.match(host, path)
			if g == nil || w == nil {
				if g != w {
					t.Fatalf("%s%s: got %v, want %v", host, path, g, w)
				}
				continue
			}
			if !g.spec.Equal(w.spec) {
				t.Fatalf("%s%s: route %+v, want %+v", host, path, g.spec, w.spec)
			}
			gu, wu := got.upstreamOf(g), want.upstreamOf(w)
			if (gu == nil) != (wu == nil) || gu != nil && (gu.name != wu.name || gu.retry != wu.retry || gu.transport != wu.transport || (gu.ref == nil) != (wu.ref == nil)) {
				t.Fatalf("%s%s: upstream %+v, want %+v", host, path, gu, wu)
			}
		}
	}
	if len(got.levels) != len(want.levels) {
		t.Fatalf("%d levels, want %d", len(got.levels), len(want.levels))
	}
	for i := range got.levels {
		sameHosts(t, got.levels[i].exact, want.levels[i].exact)
		sameHosts(t, got.levels[i].suffix, want.levels[i].suffix)
	}
	if got.routes.size != want.routes.size || got.upstreams.size != want.upstreams.size || got.defined != want.defined || len(got.levels) != len(want.levels) {
		t.Fatalf("%d routes, %d upstreams, %d defined, %d levels; want %d, %d, %d, %d", got.routes.size, got.upstreams.size, got.defined,
			len(got.levels), want.routes.size, want.upstreams.size, want.defined, len(want.levels))
	}
}

// sameHosts checks that nothing of routes that are gone is left, either.
func sameHosts(t *testing.T, got, want index[*paths]) {
	t.Helper()
	lengths := func(x index[*paths]) map[string][]prefixLength {
		all := map[string][]prefixLength{}
		for host, p := range x.all() {
			all[host] = (*p).lengths
		}
		return all
	}
	if g, w := lengths(got), lengths(want); !maps.EqualFunc(g, w, slices.Equal) {
		t.Fatalf("lengths of prefixes %v, want %v", g, w)
	}
}

// TestManyReloadsComeToTheSameAsOne applies random states one after the other,
// good and bad, whole and as a Delta, while requests run. In the end each table
// is like one that was made from the last good state alone.
func TestManyReloadsComeToTheSameAsOne(t *testing.T) {
	core, ref := newReloadCore()
	rng := rand.New(rand.NewPCG(3, 4))
	state := randomState(rng)
	if err := core.Apply(state); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			for x := (&Exchange{}); !stop.Load(); x.Reset() {
				x.Client, x.Request = &flatClient{}, Request{Method: "GET", Proto: "HTTP/1.1", Authority: "steady.org", Path: "/a"}
				if core.Serve(x); x.Response.Status != 200 || x.Aborted() {
					t.Errorf("status %d, aborted %t during a reload", x.Response.Status, x.Aborted())
					return
				}
			}
		})
	}
	for range 300 {
		next := randomState(rng)
		var err error
		refused := false
		switch rng.IntN(3) {
		case 0:
			refused = true
			err = core.Apply(spoil(rng, next))
		case 1:
			err = core.Apply(next)
		case 2:
			var commit func()
			if commit, err = core.PrepareDelta(deltaOf(state, next)); err == nil {
				commit()
			}
		}
		if refused != (err != nil) {
			t.Fatalf("refused %t: %v", refused, err)
		}
		if !refused {
			state = next
		}
		fresh, _ := newReloadCore()
		if err := fresh.Apply(state); err != nil {
			t.Fatal(err)
		}
		sameTables(t, core.table.Load(), fresh.table.Load())
	}
	stop.Store(true)
	running.Wait()
	if totals := core.Totals(); totals.Failed != 0 || totals.Requests == 0 {
		t.Errorf("totals %+v", totals)
	}
	if n := ref.Peer("10.0.0.1:80").InFlight(); n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestAReloadKeepsWhatDidNotChange(t *testing.T) {
	b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.MaxRequests = 5 })
	b.get("/")
	b.route("r").inFlight.Add(3)
	defer b.route("r").inFlight.Add(-3)
	before, up := b.route("r"), b.core.table.Load().upstream("up")
	other := messages.RouteSpec{Name: "other", Host: "other.org", Upstream: "up"}
	routes := append(b.desired.Routes.Slice(), other)
	b.apply(messages.Desired{Upstreams: b.desired.Upstreams, Routes: messages.ListOf(routes...)})
	if b.route("r") != before || b.core.table.Load().upstream("up") != up {
		t.Error("what did not change was made anew")
	}
	routes[0].Timeout = time.Hour
	changed := b.desired.Upstreams.At(0)
	changed.Retry.Attempts = 1
	b.apply(messages.Desired{Upstreams: messages.ListOf(changed), Routes: messages.ListOf(routes...)})
	now, upNow := b.route("r"), b.core.table.Load().upstream("up")
	if now == before || now.inFlight != before.inFlight || now.stats != before.stats || now.spec.Timeout != time.Hour {
		t.Errorf("a changed route lost its counters: %+v, was %+v", now, before)
	}
	if upNow == up || upNow.state != up.state || upNow.codec != up.codec || upNow.retry.Attempts != 1 {
		t.Errorf("a changed upstream lost its state: %+v, was %+v", upNow, up)
	}
}

func TestRoutesSeeTheirUpstreamChange(t *testing.T) {
	b := newBench(t, 3, nil)
	up := b.desired.Upstreams.At(0)
	attempts := func() int {
		b.codec.replies = []reply{failed(messages.CodeConnectRefused, true), failed(messages.CodeConnectRefused, true), failed(messages.CodeConnectRefused, true)}
		b.codec.seen = nil
		x, _ := b.request("GET", "/")
		b.serve(x)
		b.codec.replies = nil
		return len(b.codec.seen)
	}
	if n := attempts(); n != 3 {
		t.Fatalf("%d attempts, want 3", n)
	}
	up.Retry.Attempts = 0
	b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: b.desired.Routes})
	if n := attempts(); n != 1 {
		t.Errorf("%d attempts after the upstream changed, want 1", n)
	}
}

func TestARequestKeepsTheTableItBeganWith(t *testing.T) {
	b := newBench(t, 2, nil)
	up := b.desired.Upstreams.At(0)
	up.Transport.ReadTimeout, up.Retry.Attempts = time.Hour, 0
	var seen []time.Duration
	look := func(x *Exchange) { seen = append(seen, x.Upstream.Transport().ReadTimeout) }
	b.codec.replies = []reply{{do: func(x *Exchange) error {
		look(x)
		b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: b.desired.Routes})
		return &Failure{Code: messages.CodeConnectRefused, Unsent: true}
	}}, {do: func(x *Exchange) error { look(x); return &Failure{Code: messages.CodeReset} }}}
	x, _ := b.request("POST", "/")
	b.serve(x)
	if want := []time.Duration{0, 0}; !slices.Equal(seen, want) {
		t.Errorf("read timeouts %v, want %v", seen, want)
	}
}

func TestALoserTakesOverWhenTheWinnerLeaves(t *testing.T) {
	for _, rule := range []messages.PathRule{{}, exact("/x"), prefix("/x"), pattern("^/x")} {
		b := newBench(t, 1, nil)
		r := func(name string) messages.RouteSpec {
			return messages.RouteSpec{Name: name, Host: "a.org", Path: rule, Upstream: "up"}
		}
		for _, step := range []struct {
			routes []messages.RouteSpec
			want   string
		}{
			{[]messages.RouteSpec{r("c"), r("b")}, "b"},
			{[]messages.RouteSpec{r("c"), r("b"), r("a")}, "a"},
			{[]messages.RouteSpec{r("c"), r("b")}, "b"},
			{[]messages.RouteSpec{r("c")}, "c"},
			{nil, ""},
		} {
			b.apply(messages.Desired{Upstreams: b.desired.Upstreams, Routes: messages.ListOf(step.routes...)})
			if got := find(t, b.core.table.Load(), "a.org", "/x"); got != step.want {
				t.Errorf("%v: route %q, want %q", rule, got, step.want)
			}
		}
	}
}
