package proxy

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func exact(p string) messages.PathRule {
	return messages.PathRule{Kind: messages.PathExact, Value: p}
}
func prefix(p string) messages.PathRule {
	return messages.PathRule{Kind: messages.PathPrefix, Value: p}
}
func pattern(p string) messages.PathRule {
	return messages.PathRule{Kind: messages.PathRegexp, Value: p}
}

func mustTable(t testing.TB, routes ...messages.RouteSpec) *table {
	t.Helper()
	c := New(Deps{Registry: balance.NewRegistry(), NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return &fakePeers{} }})
	for i := range routes {
		routes[i].Upstream = "up"
	}
	if err := c.Apply(messages.Desired{Routes: messages.ListOf(routes...)}); err != nil {
		t.Fatal(err)
	}
	return c.table.Load()
}

// find does what Serve does to route a request.
func find(t testing.TB, table *table, authority, path string) string {
	t.Helper()
	x := &Exchange{Request: Request{Method: "GET", Proto: "HTTP/1.1", Authority: authority, Path: path}}
	if code := x.core.readTarget(x); code != fine {
		return string(code)
	}
	r := table.match(x.core.trip.host, x.core.trip.path)
	if r == nil {
		return ""
	}
	return r.spec.Name
}

func TestMostSpecificRouteWins(t *testing.T) {
	table := mustTable(t,
		messages.RouteSpec{Name: "any"},
		messages.RouteSpec{Name: "any-v1", Path: prefix("/v1/")},
		messages.RouteSpec{Name: "api", Host: "api.example.com"},
		messages.RouteSpec{Name: "api-v1", Host: "api.example.com", Path: prefix("/v1")},
		messages.RouteSpec{Name: "api-v1-users", Host: "api.example.com", Path: prefix("/v1/users/")},
		messages.RouteSpec{Name: "api-exact", Host: "api.example.com", Path: exact("/v1/users")},
		messages.RouteSpec{Name: "api-re", Host: "api.example.com", Path: pattern(`^/v1/u.*\.json$`)},
		messages.RouteSpec{Name: "wild", Host: "*.example.com"},
		messages.RouteSpec{Name: "wild-deep", Host: "*.b.example.com"},
		messages.RouteSpec{Name: "only-x", Host: "only.org", Path: prefix("/x")},
		messages.RouteSpec{Name: "six", Host: "[2001:db8::1]"},
		messages.RouteSpec{Name: "first", Host: "*.prio.org", Path: prefix("/p"), Priority: 5},
		messages.RouteSpec{Name: "second", Host: "a.prio.org", Path: exact("/p"), Priority: 4},
		messages.RouteSpec{Name: "last", Host: "only.org", Path: exact("/x/last"), Priority: -1},
		messages.RouteSpec{Name: "escaped", Host: "esc.org", Path: exact("/a%2fb")},
	)
	for _, c := range []struct{ name, host, path, want string }{
		{"any host", "other.org", "/", "any"},
		{"any host, prefix with slash", "other.org", "/v1/x", "any-v1"},
		{"a prefix with slash also matches without it", "other.org", "/v1", "any-v1"},
		{"a prefix ends at a segment", "other.org", "/v1x", "any"},
		{"exact host", "api.example.com", "/", "api"},
		{"case, port and dot of the host do not matter", "API.Example.COM.:8080", "/v1", "api-v1"},
		{"longest prefix", "api.example.com", "/v1/users/7", "api-v1-users"},
		{"prefix on a segment border only", "api.example.com", "/v1/usersx", "api-v1"},
		{"exact path before prefix", "api.example.com", "/v1/users", "api-exact"},
		{"regexp before prefix", "api.example.com", "/v1/users/7.json", "api-re"},
		{"suffix", "www.example.com", "/", "wild"},
		{"suffix over several labels", "x.y.example.com", "/", "wild"},
		{"longest suffix", "a.b.example.com", "/", "wild-deep"},
		{"a suffix does not match its apex", "example.com", "/", "any"},
		{"the apex of the deeper suffix falls to the other", "b.example.com", "/", "wild"},
		{"a suffix ends at a label", "badexample.com", "/", "any"},
		{"a host without a matching path falls through", "only.org", "/y", "any"},
		{"an IPv6 literal", "[2001:DB8::1]:80", "/", "six"},
		{"priority outranks a more specific host and path", "a.prio.org", "/p", "first"},
		{"negative priority comes last", "only.org", "/x/last", "only-x"},
		{"an escaped slash is no slash, in either case", "esc.org", "/a%2Fb", "escaped"},
		{"an escaped slash is no slash", "esc.org", "/a/b", "any"},
		{"escaped letters are letters", "api.example.com", "/%761/%75sers", "api-exact"},
		{"doubled slashes count as one", "api.example.com", "//v1///users", "api-exact"},
		{"dot segments are resolved", "api.example.com", "/x/../v1/./users", "api-exact"},
		{"escaped dot segments too", "api.example.com", "/x/%2e%2E/v1/%2e/users", "api-exact"},
		{"above the root", "api.example.com", "/v1/../../x", "bad_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := find(t, table, c.host, c.path); got != c.want {
				t.Errorf("%s%s: route %q, want %q", c.host, c.path, got, c.want)
			}
		})
	}
}

func TestServerWideOptionsMatchesRoutesForEverything(t *testing.T) {
	table := mustTable(t, messages.RouteSpec{Name: "root", Host: "a.org", Path: prefix("/")}, messages.RouteSpec{Name: "x", Path: prefix("/x")})
	x := &Exchange{Request: Request{Method: "OPTIONS", Proto: "HTTP/1.1", Authority: "a.org", Path: "*"}}
	if code := x.core.readTarget(x); code != fine {
		t.Fatal(code)
	}
	if r := table.match("a.org", x.core.trip.path); r == nil || r.spec.Name != "root" {
		t.Errorf("got %v, want root", r)
	}
	if r := table.match("b.org", x.core.trip.path); r != nil {
		t.Errorf("got %s, want none", r.spec.Name)
	}
}

// naive is the reference: it looks at every route.
func naive(routes []messages.RouteSpec, host, path string) string {
	best, bestRank := "", [4]int{}
	for i := range routes {
		r := &routes[i]
		rank := [4]int{r.Priority}
		switch suffix, wild := strings.CutPrefix(r.Host, "*"); {
		case r.Host == "":
		case wild && strings.HasSuffix(host, suffix) && len(host) > len(suffix):
			rank[1] = len(suffix)
		case !wild && r.Host == host:
			rank[1] = 1000
		default:
			continue
		}
		value := r.Path.Value
		switch r.Path.Kind {
		case messages.PathAny:
		case messages.PathExact:
			if path != value {
				continue
			}
			rank[2] = 3000
		case messages.PathRegexp:
			if !regexp.MustCompile(value).MatchString(path) {
				continue
			}
			rank[2] = 2000 + len(value)
		case messages.PathPrefix:
			bare := strings.TrimRight(value, "/")
			if path != bare && !strings.HasPrefix(path, bare+"/") {
				continue
			}
			rank[2] = len(bare)
		}
		if best == "" || moreThan(rank, bestRank) {
			best, bestRank = r.Name, rank
		}
	}
	return best
}

func moreThan(a, b [4]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false // equal rules: the first name stays
}

func TestMatchAgreesWithAReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	host := func() string {
		return strings.Repeat(pick("a.", "b.", ""), rng.IntN(3)) + pick("a", "b", "c") + "." + pick("x", "y")
	}
	path := func() string {
		p := ""
		for range rng.IntN(5) {
			p += "/" + pick("a", "b", "ab", "aa")
		}
		if p == "" || rng.IntN(3) == 0 {
			p += "/"
		}
		return p
	}
	for round := range 300 {
		var routes []messages.RouteSpec
		for i := range rng.IntN(60) {
			r := messages.RouteSpec{Name: fmt.Sprintf("r%03d", i), Host: pick("", host(), host(), "*."+host()), Priority: rng.IntN(20) / 19 * rng.IntN(3)}
			switch rng.IntN(6) {
			case 0:
			case 1:
				r.Path = exact(path())
			case 2:
				r.Path = pattern(pick("^/a", "b$", "a/b", "^/ab/.*a"))
			default:
				r.Path = prefix(path())
			}
			routes = append(routes, r)
		}
		table := mustTable(t, routes...)
		for range 200 {
			h, p := host(), path()
			if got, want := find(t, table, h, p), naive(routes, h, p); got != want {
				t.Fatalf("round %d: %s%s: route %q, want %q; routes %+v", round, h, p, got, want, routes)
			}
		}
	}
}

func manyHosts(n int) (routes []messages.RouteSpec) {
	for i := range n {
		routes = append(routes, messages.RouteSpec{Name: fmt.Sprint("r", i), Host: fmt.Sprintf("h%d.example.com", i)})
	}
	return routes
}

func manyPrefixes(n int) (routes []messages.RouteSpec) {
	for i := range n {
		routes = append(routes, messages.RouteSpec{Name: fmt.Sprint("r", i), Host: "example.com",
			Path: prefix(fmt.Sprintf("/v%d/%s/p%d/", i%7, strings.Repeat("x", i%50), i))})
	}
	return routes
}

func TestMatchDoesNotAllocate(t *testing.T) {
	hosts, prefixes := mustTable(t, manyHosts(1000)...), mustTable(t, manyPrefixes(1000)...)
	x := &Exchange{}
	for name, f := range map[string]func(){
		"host":   func() { hosts.match("h999.example.com", "/") },
		"prefix": func() { prefixes.match("example.com", "/v3/xxxxxxxxxx/p10/y") },
		"target": func() {
			x.Request = Request{Method: "GET", Proto: "HTTP/1.1", Authority: "H999.Example.com.:80", Path: "//v1/../v1/%41"}
			if code := x.core.readTarget(x); code != fine && !raceEnabled {
				t.Fatal(code)
			}
			x.Reset()
		},
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct {
		name, host, path string
		routes           []messages.RouteSpec
	}{
		{"10 hosts", "h7.example.com", "/a/b/c", manyHosts(10)},
		{"10000 hosts", "h9876.example.com", "/a/b/c", manyHosts(10_000)},
		{"10 prefixes", "example.com", "/v2/xx/p2/a", manyPrefixes(10)},
		{"10000 prefixes", "example.com", "/v1/" + strings.Repeat("x", 42) + "/p9892/a", manyPrefixes(10_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			table := mustTable(b, c.routes...)
			if table.match(c.host, c.path) == nil {
				b.Fatal("no route")
			}
			b.ReportAllocs()
			for b.Loop() {
				table.match(c.host, c.path)
			}
		})
	}
}
