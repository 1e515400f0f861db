package proxy

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func TestApplyRefusesAllFaultsAtOnce(t *testing.T) {
	field := func(name, value string) messages.HeaderOps {
		return messages.HeaderOps{Set: messages.ListOf(messages.HeaderField{Name: name, Value: value})}
	}
	bad := []struct {
		route messages.RouteSpec
		want  string
	}{
		{messages.RouteSpec{Path: pattern("(")}, `path "("`},
		{messages.RouteSpec{Path: prefix("v1")}, `path "v1"`},
		{messages.RouteSpec{Path: exact("/a/../b")}, "dot segments"},
		{messages.RouteSpec{Path: messages.PathRule{Kind: 9}}, "no kind 9"},
		{messages.RouteSpec{Host: "a.org:80"}, `host "a.org:80"`},
		{messages.RouteSpec{Host: "a.*.org"}, `host "a.*.org"`},
		{messages.RouteSpec{HostHeader: "a b"}, `host_header: "a b"`},
		{messages.RouteSpec{StripPrefix: "x"}, "strip_prefix"},
		{messages.RouteSpec{Rewrite: messages.Rewrite{Pattern: "["}}, `rewrite "["`},
		{messages.RouteSpec{Rewrite: messages.Rewrite{Pattern: "a", To: "/b?c"}}, "has no query"},
		{messages.RouteSpec{RequestHeaders: field("Connection", "x")}, "Connection belongs to the connection"},
		{messages.RouteSpec{RequestHeaders: field("host", "x")}, "host_header"},
		{messages.RouteSpec{RequestHeaders: field("a b", "x")}, `"a b" is not the name`},
		{messages.RouteSpec{ResponseHeaders: field("Content-Length", "1")}, "Content-Length belongs"},
		{messages.RouteSpec{ResponseHeaders: field("A", "x\r\nB: y")}, "control byte"},
		{messages.RouteSpec{Redirect: messages.Redirect{To: "/x", Status: 200}}, "also names the upstream"},
	}
	b := newBench(t, 1, nil)
	var routes []messages.RouteSpec
	for i, c := range bad {
		c.route.Name, c.route.Upstream = "bad"+string(rune('a'+i)), "up"
		routes = append(routes, c.route)
	}
	routes = append(routes, messages.RouteSpec{Name: "idle"}, messages.RouteSpec{Name: "odd", Redirect: messages.Redirect{To: "/x", Status: 200}})
	err := b.core.Apply(messages.Desired{Upstreams: b.desired.Upstreams, Routes: messages.ListOf(routes...)})
	if err == nil {
		t.Fatal("applied")
	}
	for i, c := range bad {
		if want := `route "bad` + string(rune('a'+i)) + `": `; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("no %q with %q in:\n%v", want, c.want, err)
		}
	}
	for _, want := range []string{"neither an upstream nor a redirect", "status 200"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if b.codec.ended {
		t.Error("a codec in use was closed")
	}
	b.get("/") // the last good state serves
}

func TestApplyRefusesNamesThatComeTwice(t *testing.T) {
	b := newBench(t, 1, nil)
	up, r := b.desired.Upstreams.At(0), b.desired.Routes.At(0)
	err := b.core.Apply(messages.Desired{Upstreams: messages.ListOf(up, up), Routes: messages.ListOf(r, r)})
	if err == nil || !strings.Contains(err.Error(), `upstream "up": defined twice`) || !strings.Contains(err.Error(), `route "r": defined twice`) {
		t.Errorf("%v", err)
	}
}

func TestEqualRulesAreToldAbout(t *testing.T) {
	b := newBench(t, 1, nil)
	r := func(name string, path messages.PathRule) messages.RouteSpec {
		return messages.RouteSpec{Name: name, Host: "A.org", Path: path, Upstream: "up"}
	}
	b.apply(messages.Desired{Upstreams: b.desired.Upstreams, Routes: messages.ListOf(
		r("z", prefix("/v1")), r("a", prefix("/v1/")), r("re2", pattern("^/x")), r("re1", pattern("^/x")))})
	table := b.core.table.Load()
	if got := find(t, table, "a.org", "/v1"); got != "a" {
		t.Errorf("route %q, want a", got)
	}
	if got := find(t, table, "a.org", "/x"); got != "re1" {
		t.Errorf("route %q, want re1", got)
	}
	for _, want := range []string{`"route":"z","shadowed_by":"a"`, `"route":"re2","shadowed_by":"re1"`} {
		if !strings.Contains(b.logs.String(), want) {
			t.Errorf("no %s in %s", want, b.logs.String())
		}
	}
}

func TestCodecsLiveAsLongAsTheirUpstream(t *testing.T) {
	b := newBench(t, 1, nil)
	first := b.codec
	up := b.desired.Upstreams.At(0)
	up.Retry.Attempts = 0
	b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: b.desired.Routes})
	up.Transport.ConnectionTimeout = time.Second
	b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: b.desired.Routes})
	if b.codecs != 1 || first.ended {
		t.Errorf("%d codecs made, first closed %t; want it kept", b.codecs, first.ended)
	}
	if want := []messages.Transport{up.Transport}; !slices.Equal(first.limits, want) {
		t.Errorf("limits %v, want %v, once", first.limits, want)
	}
	b.apply(messages.Desired{Routes: b.desired.Routes})
	if b.codec = (&fakePeers{}); !first.ended {
		t.Error("the codec of an upstream that is gone is open")
	}
	b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: b.desired.Routes})
	if b.codecs != 2 || b.codec.ended {
		t.Errorf("%d codecs made, second closed %t", b.codecs, b.codec.ended)
	}
	b.core.Close()
	if !b.codec.ended {
		t.Error("Close left a codec open")
	}
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 404 {
		t.Errorf("status %d after Close", client.status)
	}
}

func TestAbsentUpstreamHeals(t *testing.T) {
	b := newBench(t, 1, nil)
	full := b.desired
	b.apply(messages.Desired{Routes: full.Routes})
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 503 || client.get("X-Weir-Error") != "no_upstream" {
		t.Errorf("status %d %q", client.status, client.get("X-Weir-Error"))
	}
	b.apply(full)
	b.get("/")
}

func TestRouteLimitSurvivesApply(t *testing.T) {
	b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.MaxRequests = 1 })
	hold, release := make(chan struct{}), make(chan struct{})
	b.codec.replies = []reply{{do: func(*Exchange) error {
		b.codec.mu.Unlock()
		defer b.codec.mu.Lock()
		close(hold)
		<-release
		return &Failure{Code: messages.CodeBadResponse}
	}}}
	var running sync.WaitGroup
	running.Go(func() {
		x, _ := b.request("GET", "/")
		b.core.Serve(x)
	})
	<-hold
	b.apply(b.desired)
	x, client := b.request("GET", "/")
	b.core.Serve(x)
	if client.status != 429 || client.get("X-Weir-Error") != "route_limit" {
		t.Errorf("status %d %q", client.status, client.get("X-Weir-Error"))
	}
	close(release)
	running.Wait()
	b.idle()
	b.get("/")
}

// TestApplyWhileServing lets tables and requests meet; -race looks on.
func TestApplyWhileServing(t *testing.T) {
	registry := balance.NewRegistry()
	core := New(Deps{Registry: registry, NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return echoPeers{} }})
	ref := registry.Ref("up")
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Members: []balance.Member{{Peer: ref.Peer("10.0.0.1:80"), Weight: 1, Available: true}}}))
	desired := func(i int) messages.Desired {
		return messages.Desired{
			Upstreams: messages.ListOf(messages.UpstreamSpec{Name: "up", Transport: messages.Transport{IdleTimeout: time.Duration(i % 2)}}),
			Routes:    messages.ListOf(messages.RouteSpec{Name: "r", Upstream: "up", MaxRequests: 100, Priority: i % 3}),
		}
	}
	if err := core.Apply(desired(0)); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			x := &Exchange{}
			for range 300 {
				x.Client, x.Request = &flatClient{}, Request{Method: "GET", Proto: "HTTP/1.1", Authority: "a.org", Path: "/"}
				core.Serve(x)
				if x.Response.Status != 200 {
					t.Errorf("status %d during a change", x.Response.Status)
				}
				x.Reset()
			}
		})
	}
	for i := range 200 {
		if err := core.Apply(desired(i)); err != nil {
			t.Error(err)
		}
	}
	running.Wait()
	if got := core.Totals(); got.Requests != 1200 || got.Failed != 0 {
		t.Errorf("totals %+v", got)
	}
	if n := ref.Peer("10.0.0.1:80").InFlight(); n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	b := newBench(t, 1, nil)
	x, _ := b.request("PUT", "/a//b?c")
	b.serve(b.withBody(x, "body"))
	source := x.Request.Body
	if _, ok := source.(*strings.Reader); !ok {
		t.Errorf("after Serve the body is a %T, want the client codec's own", source)
	}
	x.Reset()
	if x.Request.Header.Len() != 0 || x.Response.Header.Len() != 0 || x.Listener != nil || x.Client != nil || x.Request.Path != "" ||
		!reflect.ValueOf(x.core.trip).IsZero() || len(x.core.scratch) != 0 || x.core.body.source != nil || x.Upstream != nil {
		t.Errorf("left over: %+v", x)
	}
}
