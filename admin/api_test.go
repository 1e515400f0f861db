package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func admincfg() admin.Config { return admin.Config{} }

func TestHealth(t *testing.T) {
	w := newWorld()
	h := newServer(t, admincfg(), w.deps()).Handler()
	w.upstream("web", messages.Unhealthy)
	w.set(func() { w.degraded = []string{"nats: not connected"} })

	t.Run("healthz is 200 whatever happens", func(t *testing.T) {
		w.set(func() { w.ready = false })
		if rec := get(t, h, "/healthz"); rec.Code != http.StatusOK {
			t.Errorf("got %d, want 200", rec.Code)
		}
	})
	t.Run("readyz is 503 and says why before the configuration is in force", func(t *testing.T) {
		w.set(func() { w.ready, w.why = false, "draining" })
		rec := get(t, h, "/readyz")
		want := "{\"ready\":false,\"why\":\"draining\",\"degraded\":[\"nats: not connected\"]}\n"
		if rec.Code != http.StatusServiceUnavailable || rec.Body.String() != want {
			t.Errorf("got %d %s, want 503 %s", rec.Code, rec.Body, want)
		}
	})
	t.Run("readyz is 200 with sick peers and without NATS", func(t *testing.T) {
		w.set(func() { w.ready = true })
		rec := get(t, h, "/readyz")
		want := "{\"ready\":true,\"degraded\":[\"nats: not connected\"]}\n"
		if rec.Code != http.StatusOK || rec.Body.String() != want {
			t.Errorf("got %d %s, want 200 %s", rec.Code, rec.Body, want)
		}
	})
}

func TestUpstreams(t *testing.T) {
	w := newWorld()
	h := newServer(t, admincfg(), w.deps()).Handler()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.FixedZone("", 3600))
	ref := w.registry.Ref("web")
	sick := ref.Peer("10.0.0.1:80")
	sick.SetVerdict(messages.Unhealthy, messages.CodeHeadTimeout, "no head in 3s", at)
	sick.RecordProbe(balance.ProbeRecord{At: at, Took: 3 * time.Second, Late: 1500 * time.Microsecond, Code: messages.CodeHeadTimeout, Detail: "slow"})
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{
		Policy: balance.Policy{Algo: messages.Algo{Kind: messages.Hash, Key: messages.KeyHeader, Name: "X-User"}},
		Members: []balance.Member{{Peer: sick, Weight: 5, Tier: 1, Available: false},
			{Peer: ref.Peer("10.0.0.2:80"), Weight: 1, Available: true}}, Parked: true}))
	w.registry.Ref("gone").Publish(balance.NewSnapshot(balance.SnapshotConfig{}))
	w.registry.Ref("gone").Withdraw()
	var ask balance.Ask
	if _, err := ref.Acquire(&ask); err != nil {
		t.Fatal(err)
	}
	w.set(func() {
		w.specs = []messages.UpstreamSpec{{Name: "soon", Algo: messages.Algo{Kind: messages.P2C}, Check: messages.CheckSpec{Kind: messages.CheckTCP, Frequency: 1500 * time.Millisecond, Success: 1, Failure: 2}}}
		w.routes = []messages.RouteSpec{{Name: "r", Host: "h", Upstream: "web", Path: messages.PathRule{Kind: messages.PathExact, Value: "/x"}}}
	})
	const web = `{"name":"web","state":"degraded","parked":true,"algo":"hash:header:X-User","routes":[{"name":"r","host":"h","path":"=/x"}],"available":1,"total":2,"waiting":0,"peers":[` +
		`{"addr":"10.0.0.1:80","weight":5,"tier":1,"verdict":"unhealthy","since":"2026-11-22T09:00:00Z","reason":"head_timeout","detail":"no head in 3s","available":false,"in_flight":0,"requests":0,"failures":0,` +
		`"last_probe":{"at":"2026-11-22T09:00:00Z","took_ms":3000,"late_ms":1.5,"code":"head_timeout","detail":"slow"}},` +
		`{"addr":"10.0.0.2:80","weight":1,"tier":0,"verdict":"unknown","available":true,"in_flight":1,"requests":1,"failures":0}]}`
	const soon = `{"name":"soon","state":"pending","parked":false,"algo":"p2c","check":{"kind":"tcp","frequency_ms":1500,"success":1,"failure":2},"routes":[],"available":0,"total":0,"waiting":0,"peers":[]}`

	t.Run("lists those that serve and those that are wanted, not those that are gone", func(t *testing.T) {
		rec := get(t, h, "/api/v1/upstreams")
		if diff := cmp.Diff(`{"upstreams":[`+soon+","+web+"]}\n", rec.Body.String()); rec.Code != http.StatusOK || diff != "" {
			t.Errorf("got %d\n%s", rec.Code, diff)
		}
	})
	t.Run("shows one", func(t *testing.T) {
		rec := get(t, h, "/api/v1/upstreams/web")
		if diff := cmp.Diff(web+"\n", rec.Body.String()); rec.Code != http.StatusOK || diff != "" {
			t.Errorf("got %d\n%s", rec.Code, diff)
		}
	})
	t.Run("guesses what a mistyped name means", func(t *testing.T) {
		wantError(t, get(t, h, "/api/v1/upstreams/wbe"), http.StatusNotFound, "no_upstream", `did you mean "web"?`)
	})
	t.Run("lists the names when none is near", func(t *testing.T) {
		wantError(t, get(t, h, "/api/v1/upstreams/payments"), http.StatusNotFound, "no_upstream", "there are soon, web")
	})
	t.Run("quotes a hostile name", func(t *testing.T) {
		wantError(t, get(t, h, "/api/v1/upstreams/%3Cscript%3E%0A"+strings.Repeat("x", 3000)), http.StatusNotFound, "no_upstream", `"<script>\nxxx`)
	})
	t.Run("says that a transparent one has no peers, which is well", func(t *testing.T) {
		open := w.registry.Ref("open")
		open.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: balance.Policy{Transparent: true}, EmptySince: at}))
		defer open.Withdraw()
		const want = `{"name":"open","state":"healthy","parked":false,"algo":"transparent","routes":[],"available":0,"total":0,"waiting":0,"peers":[],"transparent":true}` + "\n"
		if diff := cmp.Diff(want, get(t, h, "/api/v1/upstreams/open").Body.String()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("is empty without any", func(t *testing.T) {
		rec := get(t, newServer(t, admincfg(), newWorld().deps()).Handler(), "/api/v1/upstreams")
		if got := rec.Body.String(); got != "{\"upstreams\":[]}\n" {
			t.Errorf("got %s", got)
		}
	})
}

func TestStatus(t *testing.T) {
	w := newWorld()
	deps := w.deps()
	deps.Started = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	h := newServer(t, admincfg(), deps).Handler()
	w.upstream("ok", messages.Healthy, messages.Unknown)
	w.upstream("half", messages.Healthy, messages.Unhealthy)
	w.upstream("none", messages.Unhealthy)
	w.set(func() {
		w.specs = append(w.specs, messages.UpstreamSpec{Name: "soon"})
		w.routes = append(w.routes, messages.RouteSpec{Name: "astray", Upstream: "absent"}, messages.RouteSpec{Name: "moved", Redirect: messages.Redirect{To: "/", Status: 301}})
	})
	want := `{"version":"v0.1.0","member":"a","started":"2026-11-22T09:00:00Z","ready":true,"degraded":[],"nats":"nats://127.0.0.1:4222",` +
		`"counts":{"upstreams":4,"healthy":1,"degraded":1,"down":1,"pending":1,"parked":0,"routes":5,"peers":5,"available":3,"waiting":0,"in_flight":0,"requests":0,"failures":0},` +
		`"lost_routes":[{"name":"astray","upstream":"absent"}]}` + "\n"
	rec := get(t, h, "/api/v1/status")
	if diff := cmp.Diff(want, rec.Body.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWrongRequests(t *testing.T) {
	h := newServer(t, admincfg(), newWorld().deps()).Handler()
	t.Run("unknown paths say what there is", func(t *testing.T) {
		for _, path := range []string{"/nope", "/api/v1/", "/api/v2/status", "/api/v1/upstreams/", "/index.html", "/page/page.js"} {
			wantError(t, get(t, h, path), http.StatusNotFound, "not_found", "/api/v1/status")
		}
	})
	t.Run("unknown parameters are refused", func(t *testing.T) {
		wantError(t, get(t, h, "/api/v1/upstreams?name=web"), http.StatusBadRequest, "bad_query", `"name" is no parameter`)
		wantError(t, get(t, h, "/api/v1/events?upstrem=web"), http.StatusBadRequest, "bad_query", "there are last, follow, upstream")
	})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		t.Run(method+" is refused", func(t *testing.T) {
			for _, path := range []string{"/", "/healthz", "/metrics", "/api/v1/upstreams", "/nope"} {
				r := httptest.NewRequest(method, path, nil)
				r.Host = "localhost"
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, r)
				wantError(t, rec, http.StatusMethodNotAllowed, "method_not_allowed", "GET")
				if got := rec.Header().Get("Allow"); got != "GET, HEAD" {
					t.Errorf("Allow: got %q", got)
				}
			}
		})
	}
	t.Run("every answer forbids storing, sniffing and framing, and allows no other origin", func(t *testing.T) {
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/upstreams", "/api/v1/events?follow=0", "/nope"} {
			header := get(t, h, path).Header()
			for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "", "Cross-Origin-Resource-Policy": "same-origin"} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
				}
			}
			if !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s may be framed", path)
			}
		}
	})
}
