package archtest

import (
	"slices"
	"strings"
	"testing"
)

const goodComment = "Package x is one.\n\nOwns: a.\nIn: b. Out: c.\nOrder: d.\nFailure: e.\n"

const plannedLib = "example.org/planned"

// rulesUnderTest are the true ones, with a plan that does not change with them.
func rulesUnderTest() rules {
	r := architecture()
	r.planned = []string{"./cluster"}
	r.homes = append(r.homes, home{lib: plannedLib, product: []string{"./cluster"}, planned: true, reason: "it is to come"})
	return r
}

// house is a tree without a fault: every package and library that the rules
// name is there, but for the planned ones.
func house(r rules) *tree {
	t := &tree{pkgs: map[string]*pkg{}, libs: map[string]bool{}}
	for path := range r.named() {
		if !slices.Contains(r.planned, path) && path != "." {
			t.add(path, file{name: "doc.go", pkgName: "x", doc: goodComment})
		}
	}
	for _, path := range []string{"./actors/health", "./actors/upstream", "./proxy/nethttp"} {
		t.add(path, file{name: "doc.go", pkgName: "x", doc: goodComment})
	}
	for _, h := range r.homes {
		if !h.planned {
			t.libs[h.lib] = true
		}
	}
	return t
}

func TestCheckHasNothingAgainstASoundHouse(t *testing.T) {
	r := rulesUnderTest()
	tree := house(r)
	tree.add("./balance", file{name: "ref.go", imports: []string{"sync/atomic", "./messages"}})
	tree.add("./actors", file{name: "tree.go", imports: []string{protoactor + "/actor", "./actors/health", "./actors/upstream"}})
	tree.add("./actors/upstream", file{name: "actor.go", imports: []string{protoactor + "/actor", "./balance", "./internal/meter"}})
	tree.add("./actors/upstream", file{name: "actor_test.go", imports: []string{protoactor + "/testkit", "./actors/upstream", "./internal/actortest"}})
	tree.add("./actors/health", file{name: "real_test.go", imports: []string{"./bus"}})
	tree.add("./proxy/nethttp", file{name: "server.go", imports: []string{"net/http", "./proxy"}})
	tree.add("./cmd/server", file{name: "main_test.go", imports: []string{"github.com/nats-io/nats.go", "./internal/peertest"}})
	tree.add("./messages", file{name: "zz_generated.go", lines: 5000, generated: true})
	for _, f := range r.check(tree) {
		t.Error(f)
	}
}

func TestCheckFindsWhatBreaksARule(t *testing.T) {
	add := func(at, name string, imports ...string) func(*tree) {
		return func(t *tree) { t.add(at, file{name: name, imports: imports}) }
	}
	both := func(some ...func(*tree)) func(*tree) {
		return func(t *tree) {
			for _, one := range some {
				one(t)
			}
		}
	}
	// other is a package that is not ours.
	other := func(at string, imports ...string) func(*tree) {
		return func(t *tree) { t.pkgs[at] = &pkg{imports: imports} }
	}
	comment := func(at, text string) func(*tree) {
		return func(t *tree) { t.pkgs[at].files[0].doc = text }
	}
	const nats = "github.com/nats-io/nats.go"
	tests := []struct {
		name   string
		spoil  func(*tree)
		where  string
		what   string // part of it
		plenty bool   // other faults follow from the same cause
	}{
		{"an arrow that turns back", add("./balance", "a.go", "./proxy"), "./balance/a.go", "imports ./proxy", true},
		{"an arrow that turns back in a test", add("./proxy", "a_test.go", "./admin"), "./proxy/a_test.go", "imports ./admin", false},
		{"neighbours of one layer", add("./admin", "a.go", "./actors"), "./admin/a.go", "imports ./actors", false},
		{"an arrow that only tests may go", add("./actors", "a.go", "./bus"), "./actors/a.go", "imports ./bus", false},
		{"siblings under actors", add("./actors/health", "a.go", "./actors/upstream"), "./actors/health/a.go", "imports ./actors/upstream", false},
		{"a child under actors that knows its parent", add("./actors/health", "a.go", "./actors"), "./actors/health/a.go", "imports ./actors", false},
		{"a test of an actor that knows its sibling", add("./actors/health", "a_test.go", "./actors/upstream"), "./actors/health/a_test.go", "imports ./actors/upstream", false},
		{"a core that knows a codec", add("./proxy", "a.go", "./proxy/nethttp"), "./proxy/a.go", "imports ./proxy/nethttp", false},
		{"a kit in the product", add("./proxy/nethttp", "a.go", "./internal/peertest"), "./proxy/nethttp/a.go", "imports ./internal/peertest", false},
		{"a tool that is imported", add("./internal/demo", "a.go", "./internal/smoke"), "./internal/demo/a.go", "imports ./internal/smoke", false},
		{"a package without a place", both(add("./shiny", "doc.go"), sound("./shiny")), "./shiny", "belongs to no group", false},

		{"protoactor behind a library", both(add("./config", "a.go", "github.com/goccy/go-yaml/ast"), other("github.com/goccy/go-yaml/ast", protoactor+"/actor")),
			"./config", "./config -> github.com/goccy/go-yaml/ast -> " + protoactor + "/actor", false},
		{"NATS behind a package of ours", both(add("./config", "a.go", "github.com/goccy/go-yaml"), other("github.com/goccy/go-yaml", nats), add("./proxy", "b.go", "./config")),
			"./proxy", "./proxy -> ./config -> github.com/goccy/go-yaml -> " + nats, true},
		{"HTTP behind the core", both(add("./proxy", "a.go", "expvar"), other("expvar", "net/http")), "./proxy", "./proxy -> expvar -> net/http", false},
		{"HTTP in balance", add("./balance", "a.go", "net/http/httptrace"), "./balance", "reaches net/http/httptrace", false},
		{"an actor behind a plain library", add("./actors/discovery/dns", "actor.go", protoactor+"/actor"), "./actors/discovery/dns", "reaches " + protoactor, false},

		{"a library in messages", add("./messages", "a.go", "github.com/google/go-cmp/cmp"), "./messages", "imports github.com/google/go-cmp/cmp", true},
		{"a package of ours in messages", add("./messages", "a.go", "./internal/meter"), "./messages", "imports ./internal/meter", true},
		{"more than messages in balance", add("./balance", "a.go", "./internal/meter"), "./balance", "imports ./internal/meter", false},

		{"a library outside its home", add("./admin", "a.go", nats+"/micro"), "./admin/a.go", "whose home is elsewhere", false},
		{"a test library in the product", add("./admin", "a.go", "go.uber.org/goleak"), "./admin/a.go", "whose home is elsewhere", false},
		{"a product library in another's tests", add("./admin", "a_test.go", "github.com/spf13/cobra"), "./admin/a_test.go", "whose home is elsewhere", false},
		{"an import without a home", add("./admin", "a.go", "example.org/shiny/thing"), "./admin/a.go", "imports example.org/shiny/thing, which has no home", false},
		{"a requirement without a home", func(t *tree) { t.libs["example.org/shiny"] = true }, "go.mod", "requires example.org/shiny", false},
		{"a planned library that came", func(t *tree) { t.libs[plannedLib] = true }, "rules.go", "home of " + plannedLib, false},
		{"a library that went", func(t *tree) { delete(t.libs, nats) }, "rules.go", "home of " + nats, false},

		{"protoactor beside actor.go", add("./actors/health", "prober.go", protoactor+"/actor"), "./actors/health/prober.go", "imports " + protoactor, false},

		{"no package comment", comment("./balance", ""), "./balance", "has no package comment", false},
		{"no comment where it may be brief", comment("./cmd/server", ""), "./cmd/server", "has no package comment", false},
		{"two package comments", func(t *tree) { t.add("./balance", file{name: "a.go", doc: goodComment}) }, "./balance", "more than one package comment: a.go, doc.go", false},
		{"a package comment in another file", func(t *tree) { t.pkgs["./balance"].files[0].name = "balance.go" }, "./balance", "in balance.go, not in doc.go", false},
		{"a comment that leaves one out", comment("./balance", strings.Replace(goodComment, "In: b.", "It goes in somewhere.", 1)), "./balance", `does not say "in"`, false},

		{"a long file", func(t *tree) { t.add("./balance", file{name: "a.go", lines: 351}) }, "./balance/a.go", "has 351 lines", false},
		{"a function init", func(t *tree) { t.add("./balance", file{name: "a_test.go", inits: 1}) }, "./balance/a_test.go", "has a function init", false},
		{"a nap", func(t *tree) { t.add("./balance", file{name: "a_test.go", sleeps: 1}) }, "./balance/a_test.go", "calls time.Sleep", false},

		{"a rule about a package that went", func(t *tree) { delete(t.pkgs, "./balance") }, "rules.go", "names ./balance, which does not exist", false},
		{"a planned package that came", func(t *tree) { t.add("./cluster", file{name: "doc.go", doc: goodComment}) }, "rules.go", "./cluster exists", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rulesUnderTest()
			tree := house(r)
			tt.spoil(tree)
			faults := r.check(tree)
			hits := 0
			for _, f := range faults {
				if f.where == tt.where && strings.Contains(f.what, tt.what) && f.why != "" {
					hits++
				} else if !tt.plenty {
					t.Errorf("unexpected: %v", f)
				}
			}
			if hits == 0 {
				t.Errorf("got %v, want %s: ...%s...", faults, tt.where, tt.what)
			}
		})
	}
}

// sound gives the first file of a package a sound comment.
func sound(at string) func(*tree) {
	return func(t *tree) { t.pkgs[at].files[0].doc = goodComment }
}

func TestRulesHaveReasonsAndPlaces(t *testing.T) {
	r := architecture()
	for _, b := range r.bans {
		if b.reason == "" || len(b.from)*len(b.to) == 0 {
			t.Errorf("ban %v -> %v: reason %q", b.from, b.to, b.reason)
		}
	}
	for _, o := range r.only {
		if o.reason == "" || len(o.from) == 0 {
			t.Errorf("only %v: reason %q", o.from, o.reason)
		}
	}
	names := map[string]bool{}
	for _, g := range r.groups {
		names[g.name] = true
		if g.reason == "" {
			t.Errorf("group %s has no reason", g.name)
		}
	}
	for _, g := range r.groups {
		for _, to := range slices.Concat(g.may, g.tests) {
			if !names[to] {
				t.Errorf("group %s may import %s, which is no group", g.name, to)
			}
		}
	}
	for _, h := range r.homes {
		if h.reason == "" || len(h.product)+len(h.tests) == 0 {
			t.Errorf("home of %s: reason %q, places %v %v", h.lib, h.reason, h.product, h.tests)
		}
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"./proxy", "./proxy", true},
		{"./proxy", "./proxy/nethttp", false},
		{"./proxy/...", "./proxy", true},
		{"./proxy/...", "./proxy/nethttp", true},
		{"./proxy/...", "./proxyprotocol", false},
		{"./...", "./bus", true},
		{"./...", "net/http", false},
		{"net/http/...", "net/http", true},
		{"net/http/...", "net/httputil", false},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.path); got != tt.want {
			t.Errorf("matches(%q, %q) = %t, want %t", tt.pattern, tt.path, got, tt.want)
		}
	}
}
