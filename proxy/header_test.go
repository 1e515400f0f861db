package proxy

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func lines(fields []messages.HeaderField) []string {
	var out []string
	for _, f := range fields {
		if f.Name != "X-Request-Id" && !strings.HasPrefix(f.Name, "X-Forwarded-") {
			out = append(out, f.Name+": "+f.Value)
		}
	}
	return out
}

func TestRequestHopByHopFields(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want []string
	}{
		{"end-to-end fields keep order and case", []string{"b: 1", "A: 2", "b: 3"}, []string{"b: 1", "A: 2", "b: 3"}},
		{"hop-by-hop fields go", []string{"Keep-Alive: 5", "Proxy-Connection: x", "TRANSFER-encoding: chunked", "Upgrade: websocket",
			"Trailer: X", "Proxy-Authorization: a", "Proxy-Authenticate: b", "HTTP2-Settings: c", "X: y"}, []string{"X: y"}},
		{"what Connection names goes", []string{"A: 1", "Connection: close, x-one", "X-One: 1", "connection: X-Two,", "X-Two: 2", "x-one: 3", "B: 2"},
			[]string{"A: 1", "B: 2"}},
		{"a field before its Connection goes, too", []string{"X-One: 1", "Connection: X-One", "X-One: 2"}, nil},
		{"Connection may name itself", []string{"Connection: connection, X", "X: 1", "Y: 2"}, []string{"Y: 2"}},
		{"TE keeps trailers", []string{"TE: gzip, Trailers", "A: 1"}, []string{"A: 1", "TE: trailers"}},
		{"TE keeps trailers when Connection names it", []string{"Connection: TE", "TE: trailers"}, []string{"TE: trailers"}},
		{"TE without trailers goes", []string{"TE: gzip"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			saw, _ := newBench(t, 1, nil).get("/", c.in...)
			if diff := cmp.Diff(c.want, lines(saw.header)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConnectionCannotTakeOriginAway(t *testing.T) {
	b := newBench(t, 1, nil)
	b.listener.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	saw, _ := b.get("/", "Connection: X-Forwarded-For, X-Request-Id", "X-Forwarded-For: 203.0.113.5", "X-Request-Id: abc")
	if got := saw.get("X-Forwarded-For"); got != "203.0.113.5, 192.0.2.7" {
		t.Errorf("X-Forwarded-For %q", got)
	}
	if got := saw.get("X-Request-Id"); got != "abc" {
		t.Errorf("X-Request-Id %q", got)
	}
}

func TestResponseHopByHopFields(t *testing.T) {
	b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) {
		r.ResponseHeaders = messages.HeaderOps{Remove: messages.ListOf("server"),
			Set: messages.ListOf(messages.HeaderField{Name: "X-A", Value: "1"}), Add: messages.ListOf(messages.HeaderField{Name: "X-A", Value: "2"})}
	})
	b.codec.replies = []reply{{status: 200, body: "x", header: []messages.HeaderField{
		{Name: "Connection", Value: "X-Hop"}, {Name: "X-Hop", Value: "1"}, {Name: "Keep-Alive", Value: "2"}, {Name: "Server", Value: "s"},
		{Name: "Proxy-Authenticate", Value: "p"}, {Name: "Upgrade", Value: "h2c"}, {Name: "X-Keep", Value: "k"}}}}
	_, client := b.get("/")
	if diff := cmp.Diff([]string{"X-Keep: k", "X-A: 1", "X-A: 2"}, lines(client.header)); diff != "" {
		t.Error(diff)
	}
}

func TestForwardedFields(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		name      string
		trusted   bool
		forwarded bool
		remote    string
		authority string
		in        []string
		want      map[string]string
		client    string
	}{
		{name: "are made for a client", want: map[string]string{"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http",
			"X-Forwarded-Host": "example.com", "X-Forwarded-Port": "8080", "Forwarded": ""}, client: "192.0.2.7"},
		{name: "of strangers are dropped, however they spell them",
			in: []string{"x-forwarded-for: 1.1.1.1", "X_Forwarded_For: 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
				"X-Forwarded-Port: 1", "X-Forwarded-Prefix: /x", "Forwarded: for=1.1.1.1", "X-Real-IP: 1.1.1.1", "X-Forwarded_Server: x"},
			want: map[string]string{"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "example.com",
				"X_Forwarded_For": "", "X-Forwarded-Port": "8080", "X-Forwarded-Prefix": "", "Forwarded": "", "X-Real-IP": "",
				"X-Forwarded_Server": ""}, client: "192.0.2.7"},
		{name: "of a trusted proxy count", trusted: true,
			in: []string{"X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example", "X-Forwarded-Port: 443",
				"X-Real-IP: 203.0.113.5", "X-Forwarded-Prefix: /x", "Forwarded: for=203.0.113.5", "X_Real_Ip: 9.9.9.9"},
			want: map[string]string{"X-Forwarded-For": "203.0.113.5, 192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example",
				"X-Forwarded-Port": "443", "X-Real-IP": "203.0.113.5", "X-Forwarded-Prefix": "/x", "Forwarded": "for=203.0.113.5", "X_Real_Ip": ""},
			client: "203.0.113.5"},
		{name: "the client is the rightmost untrusted", trusted: true,
			in:   []string{"X-Forwarded-For: 6.6.6.6, 203.0.113.5", "X-Forwarded-For: 192.0.2.1, 2001:db8::5"},
			want: map[string]string{"X-Forwarded-For": "6.6.6.6, 203.0.113.5, 192.0.2.1, 2001:db8::5, 192.0.2.7"}, client: "203.0.113.5"},
		{name: "the client is the leftmost when all are trusted", trusted: true, in: []string{"X-Forwarded-For: 192.0.2.9, 192.0.2.1"}, client: "192.0.2.9"},
		{name: "what cannot be read ends the search", trusted: true, in: []string{"X-Forwarded-For: 203.0.113.5, unknown, 192.0.2.1"}, client: "192.0.2.1"},
		{name: "nothing readable leaves the connection's address", trusted: true, in: []string{"X-Forwarded-For: , junk"}, client: "192.0.2.7"},
		{name: "ports are understood", trusted: true, in: []string{"X-Forwarded-For: 203.0.113.5:4711"}, client: "203.0.113.5"},
		{name: "brackets are understood", trusted: true, in: []string{"X-Forwarded-For: [2001:DB9::1]:4711"}, client: "2001:db9::1"},
		{name: "v4 in v6 is v4", trusted: true, remote: "::ffff:192.0.2.7", in: []string{"X-Forwarded-For: ::ffff:203.0.113.5"}, client: "203.0.113.5"},
		{name: "insane values are replaced", trusted: true, in: []string{"X-Forwarded-Proto: ht tp"}, want: map[string]string{"X-Forwarded-Proto": "http"}, client: "192.0.2.7"},
		{name: "Forwarded is made when asked for", forwarded: true, authority: "example.com:8080",
			want: map[string]string{"Forwarded": `for=192.0.2.7;host="example.com:8080";proto=http`}, client: "192.0.2.7"},
		{name: "Forwarded quotes IPv6 and grows", trusted: true, forwarded: true, remote: "2001:db8::7", in: []string{"Forwarded: for=_x"},
			want: map[string]string{"Forwarded": `for=_x, for="[2001:db8::7]";host=example.com;proto=http`}, client: "2001:db8::7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, nil)
			b.listener.Forwarded = c.forwarded
			if c.trusted {
				b.listener.Trusted = trusted
			}
			x, _ := b.request("GET", "/", c.in...)
			if c.remote != "" {
				x.Remote, x.RemoteText = netip.AddrPortFrom(netip.MustParseAddr(c.remote), 1), ""
			}
			if c.authority != "" {
				x.Request.Authority = c.authority
			}
			b.serve(x)
			if len(b.codec.seen) != 1 {
				t.Fatalf("%d attempts", len(b.codec.seen))
			}
			for name, want := range c.want {
				if got := b.codec.seen[0].get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got := x.core.trip.clientIP; got != c.client {
				t.Errorf("client %q, want %q", got, c.client)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	ours := regexp.MustCompile(`^[0-9a-f]{32}$`)
	b := newBench(t, 1, nil)
	first, _ := b.get("/", "X-Request-Id: theirs")
	second, _ := b.get("/")
	if a, b := first.get("X-Request-Id"), second.get("X-Request-Id"); !ours.MatchString(a) || !ours.MatchString(b) || a == b {
		t.Errorf("ids %q and %q", a, b)
	}
	b.listener.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for id, kept := range map[string]bool{"theirs": true, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "a b": false, "a\x7f": false, "": false} {
		saw, _ := b.get("/", "X-Request-Id: "+id)
		got := saw.get("X-Request-Id")
		if kept && got != id || !kept && !ours.MatchString(got) {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestTraceContextPasses(t *testing.T) {
	saw, _ := newBench(t, 1, nil).get("/", "traceparent: 00-1-2-01", "tracestate: a=b")
	if saw.get("traceparent") != "00-1-2-01" || saw.get("tracestate") != "a=b" {
		t.Errorf("got %v", saw.header)
	}
}

func TestRequestEdits(t *testing.T) {
	list := func(name, value string) messages.List[messages.HeaderField] {
		return messages.ListOf(messages.HeaderField{Name: name, Value: value})
	}
	for _, c := range []struct {
		name   string
		change func(r *messages.RouteSpec)
		target string
		in     []string
		check  func(s sight) (got, want string)
	}{
		{"host is kept", func(*messages.RouteSpec) {}, "/", nil, func(s sight) (string, string) { return s.authority, "example.com" }},
		{"host of the peer", func(r *messages.RouteSpec) { r.HostHeader = "peer" }, "/", nil, func(s sight) (string, string) { return s.authority, "p1:80" }},
		{"host by name", func(r *messages.RouteSpec) { r.HostHeader = "in.example" }, "/", nil, func(s sight) (string, string) {
			return s.authority + " " + s.get("X-Forwarded-Host"), "in.example example.com"
		}},
		{"strip_prefix", func(r *messages.RouteSpec) { r.StripPrefix = "/v1/" }, "/v1/a/b?q", nil, func(s sight) (string, string) { return s.path + "?" + s.query, "/a/b?q" }},
		{"strip_prefix leaves a root", func(r *messages.RouteSpec) { r.StripPrefix = "/v1" }, "/v1", nil, func(s sight) (string, string) { return s.path, "/" }},
		{"strip_prefix on a segment border", func(r *messages.RouteSpec) { r.StripPrefix = "/v1" }, "/v1x", nil, func(s sight) (string, string) { return s.path, "/v1x" }},
		{"strip_prefix leaves no host behind", func(r *messages.RouteSpec) { r.StripPrefix = "/v1" }, "/v1//evil.example", nil, func(s sight) (string, string) { return s.path, "/evil.example" }},
		{"rewrite", func(r *messages.RouteSpec) { r.Rewrite = messages.Rewrite{Pattern: `^/u/(\d+)$`, To: "/users/$1/"} }, "/u/7?x=/u/8", nil,
			func(s sight) (string, string) { return s.path + "?" + s.query, "/users/7/?x=/u/8" }},
		{"rewrite after strip_prefix", func(r *messages.RouteSpec) {
			r.StripPrefix, r.Rewrite = "/v1", messages.Rewrite{Pattern: "^/a", To: "b"}
		}, "/v1/a/c", nil, func(s sight) (string, string) { return s.path, "/b/c" }},
		{"an untouched path goes as sent", func(*messages.RouteSpec) {}, "/a//%7e%2f", nil, func(s sight) (string, string) { return s.path, "/a//%7e%2f" }},
		{"remove, set, add", func(r *messages.RouteSpec) {
			r.RequestHeaders = messages.HeaderOps{Remove: messages.ListOf("cookie"), Set: list("A", "2"), Add: list("A", "3")}
		}, "/", []string{"a: 1", "Cookie: c", "A: 9"}, func(s sight) (string, string) { return strings.Join(lines(s.header), "|"), "a: 2|A: 3" }},
		{"the route has the last word on forwarded fields", func(r *messages.RouteSpec) {
			r.RequestHeaders = messages.HeaderOps{Remove: messages.ListOf("X-Forwarded-For"), Set: list("X-Forwarded-Proto", "https")}
		}, "/", nil, func(s sight) (string, string) {
			return s.get("X-Forwarded-For") + s.get("X-Forwarded-Proto"), "https"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { c.change(r) })
			saw, _ := b.get(c.target, c.in...)
			if got, want := c.check(saw); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRewriteCannotBuildDotSegments(t *testing.T) {
	b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) {
		r.Rewrite = messages.Rewrite{Pattern: "x", To: ""}
	})
	x, client := b.request("GET", "/a/.x./b")
	b.serve(x)
	if client.status != 400 || len(b.codec.seen) != 0 {
		t.Errorf("status %d, seen %v", client.status, b.codec.seen)
	}
}

func TestHashKeys(t *testing.T) {
	for _, c := range []struct {
		algo messages.Algo
		want string // "" = no key
	}{
		{messages.Algo{Key: messages.KeyIP}, "192.0.2.7"},
		{messages.Algo{Key: messages.KeyPath}, "/a%20b"},
		{messages.Algo{Key: messages.KeyURL}, "/a%20b?x=1&user=j%20d&user=2&empty="},
		{messages.Algo{Key: messages.KeyQuery}, "x=1&user=j%20d&user=2&empty="},
		{messages.Algo{Key: messages.KeyQuery, Name: "user"}, "j%20d"},
		{messages.Algo{Key: messages.KeyQuery, Name: "use"}, ""},
		{messages.Algo{Key: messages.KeyQuery, Name: "empty"}, ""},
		{messages.Algo{Key: messages.KeyHeader, Name: "x-user"}, "u1"},
		{messages.Algo{Key: messages.KeyHeader, Name: "Host"}, "example.com"},
		{messages.Algo{Key: messages.KeyHeader, Name: "X-None"}, ""},
		{messages.Algo{Key: messages.KeyCookie, Name: "sid"}, "s1"},
		{messages.Algo{Key: messages.KeyCookie, Name: "two"}, "2"},
		{messages.Algo{Key: messages.KeyCookie, Name: "id"}, ""},
	} {
		c.algo.Kind = messages.Hash
		t.Run(c.algo.String(), func(t *testing.T) {
			b := newBench(t, 1, func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
				u.Algo, r.Rewrite = c.algo, messages.Rewrite{Pattern: ".*", To: "/rewritten"}
			})
			x, _ := b.request("GET", "/a%20b?x=1&user=j%20d&user=2&empty=", "X-User: u1", "Cookie: a=b; sid=s1", `Cookie: two="2"`)
			b.serve(x)
			ask := &x.core.ask
			if ask.HasKey != (c.want != "") || ask.HasKey && ask.Key != balance.HashKey(c.want) {
				t.Errorf("key %d (%t), want that of %q", ask.Key, ask.HasKey, c.want)
			}
		})
	}
}

func TestUpgradesThatAreNotPassedOn(t *testing.T) {
	for _, c := range []struct{ proto, upgrade, want string }{
		{"HTTP/1.1", "websocket", "websocket"},
		{"HTTP/1.0", "websocket", ""},
		{"HTTP/1.1", "h2c", ""},
		{"HTTP/1.1", "websocket, H2C", ""},
		{"HTTP/1.1", "TLS/1.2, HTTP/1.1", ""},
	} {
		b := newBench(t, 1, nil)
		x, _ := b.request("GET", "/")
		x.Request.Proto, x.Request.Upgrade = c.proto, c.upgrade
		b.serve(x)
		if got := b.codec.seen[0].upgrade; got != c.want {
			t.Errorf("%s %q: %q, want %q", c.proto, c.upgrade, got, c.want)
		}
	}
}
