package proxy

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func TestAnswersThatWeirMakes(t *testing.T) {
	none := func(*messages.UpstreamSpec, *messages.RouteSpec) {}
	once := func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry = messages.RetrySpec{} }
	for _, c := range []struct {
		name       string
		change     func(u *messages.UpstreamSpec, r *messages.RouteSpec)
		prepare    func(b *bench, x *Exchange)
		code       messages.Code
		status     int
		retryAfter bool
	}{
		{"no route", func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Host = "other.org" }, nil, "no_route", 404, false},
		{"bad request", none, func(_ *bench, x *Exchange) { x.Request.Authority = "a b" }, "bad_request", 400, false},
		{"body too large", func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.MaxBody = 3 },
			func(b *bench, x *Exchange) { b.withBody(x, "1234") }, "body_too_large", 413, false},
		{"body too large on its way", func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.MaxBody = 3 },
			func(b *bench, x *Exchange) {
				b.codec.replies = []reply{{reads: -1, status: 200}}
				b.withBody(x, "1234").Request.ContentLength = -1
			}, "body_too_large", 413, false},
		{"route limit", func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.MaxRequests = 1 },
			func(b *bench, _ *Exchange) { occupyRoute(b) }, "route_limit", 429, true},
		{"queue full", func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Limits = messages.Limits{MaxRequests: 1} },
			func(b *bench, _ *Exchange) { occupyPeer(b) }, "queue_full", 429, true},
		{"queue timeout", func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
			u.Limits = messages.Limits{MaxRequests: 1, Queue: 1, QueueTimeout: time.Second}
		}, func(b *bench, _ *Exchange) { occupyPeer(b) }, "queue_timeout", 503, true},
		{"route timeout in the queue", func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
			u.Limits, r.Timeout = messages.Limits{MaxRequests: 1, Queue: 1, QueueTimeout: time.Minute}, time.Second
		}, func(b *bench, _ *Exchange) { occupyPeer(b) }, "timeout", 504, false},
		{"no upstream", none, func(b *bench, _ *Exchange) { b.registry.Ref("up").Withdraw() }, "no_upstream", 503, true},
		{"no upstream in the table", func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Upstream = "absent" }, nil, "no_upstream", 503, true},
		{"no peer", none, func(b *bench, _ *Exchange) { b.publish(b.desired.Upstreams.At(0), 0) }, "no_peer", 503, true},
		{"refused", once, nil, messages.CodeConnectRefused, 502, false},
		{"connect failed", once, nil, messages.CodeConnectFailed, 502, false},
		{"tls", once, nil, messages.CodeTLS, 502, false},
		{"reset", once, nil, messages.CodeReset, 502, false},
		{"bad response", once, nil, messages.CodeBadResponse, 502, false},
		{"connect timeout", once, nil, messages.CodeConnectTimeout, 504, false},
		{"head timeout", once, nil, messages.CodeHeadTimeout, 504, false},
		{"write timeout", once, nil, messages.CodeWriteTimeout, 504, false},
		{"timeout", once, nil, messages.CodeTimeout, 504, false},
		{"a codec that breaks its word", once, func(b *bench, _ *Exchange) {
			b.codec.replies = []reply{{do: func(*Exchange) error { return errors.New("10.9.8.7:80 no failure") }}}
		}, "internal", 500, false},
		{"a panic", once, func(b *bench, _ *Exchange) {
			b.codec.replies = []reply{{do: func(*Exchange) error { panic("10.9.8.7:80") }}}
		}, "internal", 500, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, accept := range []string{"*/*", "text/html, application/json;q=0.5"} {
					for _, method := range []string{"GET", "HEAD"} {
						b := newBench(t, 1, c.change)
						b.codec.replies = []reply{failed(c.code, false)}
						x, client := b.request(method, "/", "Accept: "+accept)
						if c.prepare != nil {
							c.prepare(b, x)
						}
						b.core.Serve(x)
						checkAnswer(t, x, client, c.code, c.status, strings.Contains(accept, "json"))
						if got := client.get("Retry-After") != ""; got != c.retryAfter {
							t.Errorf("Retry-After %q", client.get("Retry-After"))
						}
						if got, want := b.core.Totals(), uint64(c.status/500); got.Requests != 1 || got.Failed != want {
							t.Errorf("totals %+v, want 1 request, %d failed", got, want)
						}
						if got := strings.Contains(b.logs.String(), "request failed"); got != (c.status >= 500) {
							t.Errorf("log %q", b.logs.String())
						}
					}
				}
			})
		})
	}
}

func occupyPeer(b *bench) {
	if _, err := b.registry.Ref("up").Acquire(&balance.Ask{}); err != nil {
		b.t.Fatal(err)
	}
}

func occupyRoute(b *bench) { b.route("r").inFlight.Add(1) }

func checkAnswer(t *testing.T, x *Exchange, client *fakeClient, code messages.Code, status int, asJSON bool) {
	t.Helper()
	body := client.body.String()
	if client.heads != 1 || client.status != status || client.get("X-Weir-Error") != string(code) || x.Aborted() {
		t.Errorf("%d heads, status %d, %q, aborted %t; want %d %q", client.heads, client.status, client.get("X-Weir-Error"), x.Aborted(), status, code)
	}
	if strings.Contains(body, "10.9.8.7") || strings.Contains(body, "p1:80") {
		t.Errorf("the body names a peer: %q", body)
	}
	if x.Request.Method == "HEAD" {
		if body != "" || client.length == 0 {
			t.Errorf("body %q, length %d to HEAD", body, client.length)
		}
		return
	}
	if int64(len(body)) != client.length {
		t.Errorf("body %q, length %d", body, client.length)
	}
	if !asJSON {
		if !strings.HasPrefix(body, string(code)+": ") || !strings.Contains(body, x.core.trip.requestID) || client.get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("body %q of %q", body, client.get("Content-Type"))
		}
		return
	}
	var answer struct {
		Error struct {
			Code    messages.Code `json:"code"`
			Message string        `json:"message"`
		} `json:"error"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Error.Code != code || answer.Error.Message == "" ||
		answer.RequestID != x.core.trip.requestID || client.get("Content-Type") != "application/json" {
		t.Errorf("body %q of %q: %v", body, client.get("Content-Type"), err)
	}
}

func TestEveryCodeHasAnAnswer(t *testing.T) {
	for _, code := range append(retryReasons[:], messages.CodeNoRoute, messages.CodeNoUpstream, messages.CodeNoPeer,
		messages.CodeQueueFull, messages.CodeQueueTimeout, messages.CodeRouteLimit, messages.CodeTimeout, messages.CodeBadRequest,
		messages.CodeBodyTooLarge, messages.CodeClientGone, messages.CodeClientSlow, messages.CodeConnLimit, messages.CodeHostNotAllowed,
		messages.CodeAddressForbidden, messages.CodeHostNotFound, messages.CodeLookupFailed, messages.CodeLoop) {
		a := answerTo(code)
		if a.status == 500 {
			t.Errorf("%s is answered with 500", code)
		}
		if strings.ContainsFunc(a.message, func(r rune) bool { return r < ' ' || r > '~' || r == '%' }) {
			t.Errorf("%s: gRPC would have %q encoded", code, a.message)
		}
	}
}

func TestJSONOnlyWhenAskedFor(t *testing.T) {
	for accept, want := range map[string]bool{"application/json": true, "Application/JSON ; q=0.1": true, "text/html,application/json": true,
		"application/json;q=0": false, "application/json; q=0.00": false, "application/jsonx": false, "*/*": false, "": false} {
		b := newBench(t, 1, nil)
		x, _ := b.request("GET", "/", "Accept: "+accept)
		if got := x.core.wantsJSON(x); got != want {
			t.Errorf("%q: %t, want %t", accept, got, want)
		}
	}
}

func TestHostileRequestIDStaysInsideTheJSON(t *testing.T) {
	b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Host = "other.org" })
	b.listener.Trusted = append(b.listener.Trusted, mustPrefix("192.0.2.0/24"))
	x, client := b.request("GET", "/", "Accept: application/json", `X-Request-Id: a","b":"\`)
	b.serve(x)
	checkAnswer(t, x, client, "no_route", 404, true)
}

func TestOldProtocolNeedsNoHost(t *testing.T) {
	b := newBench(t, 1, nil)
	x, client := b.request("GET", "/")
	x.Request.Proto, x.Request.Authority = "HTTP/1.0", ""
	b.serve(x)
	if client.status != 200 || b.codec.seen[0].get("X-Forwarded-Host") != "" {
		t.Errorf("status %d, saw %v", client.status, b.codec.seen)
	}
}

func TestClientGoneGetsNothing(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	t.Run("while the peer is asked", func(t *testing.T) {
		b := newBench(t, 2, nil)
		b.codec.replies = []reply{failed(messages.CodeReset, false)}
		x, client := b.request("GET", "/")
		x.Done = gone
		b.serve(x)
		if client.heads != 0 || !x.Aborted() || len(b.codec.seen) != 1 {
			t.Errorf("%d heads, aborted %t, %d attempts", client.heads, x.Aborted(), len(b.codec.seen))
		}
		if b.registry.Ref("up").Peer("p1:80").Failures() != 0 || len(b.suspected) != 0 {
			t.Error("the peer is blamed for its client")
		}
		if got := countOf(b, "499"); got != 1 {
			t.Errorf("%v requests with code 499, want 1", got)
		}
		if got := b.core.Totals(); got.Failed != 0 {
			t.Errorf("totals %+v", got)
		}
	})
	t.Run("while it waits for a peer", func(t *testing.T) {
		for _, timeout := range []time.Duration{0, time.Hour} {
			b := newBench(t, 1, func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
				u.Limits.MaxRequests, r.Timeout = 1, timeout
			})
			occupyPeer(b)
			x, client := b.request("GET", "/")
			x.Done = gone
			b.core.Serve(x)
			if client.heads != 0 || !x.Aborted() || x.core.trip.code != messages.CodeClientGone {
				t.Errorf("%d heads, aborted %t, code %q", client.heads, x.Aborted(), x.core.trip.code)
			}
		}
	})
}

func TestRedirects(t *testing.T) {
	for _, c := range []struct {
		to, authority, target, want string
		status, sent                int
	}{
		{"https://{host}{uri}", "Example.com:8080", "/a/b?c=d", "https://example.com/a/b?c=d", 301, 301},
		{"https://{host}{uri}", "[2001:DB8::1]:80", "/", "https://[2001:db8::1]/", 308, 308},
		{"https://new.example{path}?{query}&x", "example.com", "/a?c", "https://new.example/a?c&x", 0, 302},
		{"{path}", "example.com", "//evil.example/x", "/evil.example/x", 302, 302},
		{"/fixed", "example.com", "/a?b", "/fixed", 303, 303},
		{"{uri}", "example.com", "/a?", "/a?", 307, 307},
		{"{unknown}{path}", "example.com", "/a", "{unknown}/a", 307, 307},
	} {
		b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) {
			r.Upstream, r.Redirect = "", messages.Redirect{To: c.to, Status: c.status}
		})
		x, client := b.request("GET", c.target)
		x.Request.Authority = c.authority
		b.serve(x)
		if client.status != c.sent || client.get("Location") != c.want || client.length != 0 || len(b.codec.seen) != 0 {
			t.Errorf("%s: %d %q, want %d %q", c.to, client.status, client.get("Location"), c.sent, c.want)
		}
	}
}

// TestRedirectsToTLS follows who came by TLS already: to the upstream, if the
// route has one, and never round in a circle.
func TestRedirectsToTLS(t *testing.T) {
	const same = "https://{host}{uri}"
	for _, c := range []struct {
		name, to, upstream, scheme, proto string
		trusted                           bool
		status                            int
	}{
		{"plain, alone", same, "", "http", "", false, 308},
		{"plain, beside an upstream", same, "up", "http", "", false, 308},
		{"TLS, beside an upstream", same, "up", "https", "", false, 200},
		{"TLS, alone: it is there already", same, "", "https", "", false, 404},
		{"TLS, to another port of the same host: a circle behind one port", "https://{host}:8443{path}?{query}", "", "https", "", false, 404},
		{"TLS, to elsewhere", "https://www.example.com{uri}", "", "https", "", false, 308},
		{"by TLS to a trusted proxy", same, "up", "http", "HTTPS", true, 200},
		{"plain to a trusted proxy", same, "up", "http", "http", true, 308},
		{"by TLS to the first of several trusted proxies", same, "up", "http", "https, http", true, 200},
		{"a stranger says so", same, "up", "http", "https", false, 308},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) {
				r.Upstream, r.Redirect = c.upstream, messages.Redirect{To: c.to, Status: 308}
			})
			x, client := b.request("GET", "/a?b")
			x.Request.Scheme = c.scheme
			if c.proto != "" {
				x.Request.Header.Add("X-Forwarded-Proto", c.proto)
			}
			if c.trusted {
				x.Listener = &Listener{Trusted: []netip.Prefix{netip.PrefixFrom(x.Remote.Addr(), x.Remote.Addr().BitLen())}}
			}
			b.serve(x)
			if client.status != c.status || (len(b.codec.seen) > 0) != (c.status == 200) {
				t.Errorf("got %d, want %d", client.status, c.status)
			}
		})
	}
}

func TestThePeerOfASocketIsCalledLocalhost(t *testing.T) {
	rule := newHostRule("peer")
	if got := rule.authority("a", "unix:/run/a.sock"); got != "localhost" {
		t.Errorf("got %q", got)
	}
}
