package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func TestParseFillsInEveryDefault(t *testing.T) {
	cfg := mustParse(t, minimal[strings.Index(minimal, "listeners"):])
	if diff := cmp.Diff([]Listener{listenerAt(":8080")}, cfg.Listeners); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if !reflect.DeepEqual(cfg.NATS, defaultConfig(noEnv).NATS) || cfg.NATS.Addr != "127.0.0.1:4222" || cfg.NATS.Prefix != "weir" || cfg.Admin.Addr != "127.0.0.1:9070" || cfg.Log != (Log{Level: "info", Format: "auto"}) ||
		cfg.Shutdown != (Shutdown{Timeout: 25 * time.Second}) || cfg.Auth.OperatorToken.Reveal() != "" || !isName(cfg.Member) || cfg.DataDir == "" {
		t.Errorf("got %+v", cfg)
	}
	want := defaultUpstream("web")
	want.Addrs = messages.ListOf(messages.PeerSpec{Addr: "localhost:3001", Weight: 1})
	if got := cfg.Desired.Upstreams.At(0); !got.Equal(want) {
		t.Errorf("upstream %+v, want %+v", got, want)
	}
	if got, want := cfg.Desired.Routes.At(0), (messages.RouteSpec{Name: "all", Upstream: "web", HostHeader: "keep"}); !got.Equal(want) {
		t.Errorf("route %+v, want %+v", got, want)
	}
}

func TestParseReadsTheSettings(t *testing.T) {
	cfg := mustParse(t, `
listeners:
  - {addr: "127.0.0.1:0", h2c: true, trusted_proxies: [10.1.2.3/8, "::1", 192.0.2.1], forwarded: true}
  - {addr: "[::1]:0"}
nats: {addr: "localhost:4333", prefix: a.b}
cluster: {member: edge-1}
admin: {addr: "unix:/run/weir.sock"}
auth: {operator_token: long-enough}
data_dir: /data
log: {level: debug, format: json, access: true}
shutdown: {delay: 1s, timeout: 0}
`)
	prefixes := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.1/32")}
	first := listenerAt("127.0.0.1:0")
	first.H2C, first.TrustedProxies, first.Forwarded = true, prefixes, true
	want := []Listener{first, listenerAt("[::1]:0")}
	if diff := cmp.Diff(want, cfg.Listeners, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if cfg.NATS.Addr != "localhost:4333" || cfg.NATS.Prefix != "a.b" || cfg.Member != "edge-1" || cfg.Admin.Addr != "unix:/run/weir.sock" ||
		cfg.Auth.OperatorToken.Reveal() != "long-enough" || cfg.DataDir != "/data" || cfg.Log != (Log{"debug", "json", true}) ||
		cfg.Shutdown != (Shutdown{Delay: time.Second}) {
		t.Errorf("got %+v", cfg)
	}
}

func TestParseReadsAWholeRoute(t *testing.T) {
	spec, err := ParseRoute("r", []byte(`{"host": "A.b", "path": "=/x", "upstream": "u", "timeout": "5s", "host_header": "peer", "strip_prefix": "/x",
		"rewrite": "^/a /b", "request_headers": {"set": {"X-A": "1"}, "add": {"B": ["2", "3"], "C": "4"}, "remove": ["D"]},
		"response_headers": {"remove": ["Server"]}, "max_body": "1MiB", "max_requests": 9, "retry": "off", "priority": -3}`))
	if err != nil {
		t.Fatal(err)
	}
	retry := defaultRetry()
	retry.Attempts = 0
	field := func(name, value string) messages.HeaderField { return messages.HeaderField{Name: name, Value: value} }
	want := messages.RouteSpec{
		Name: "r", Host: "a.b", Path: messages.PathRule{Kind: messages.PathExact, Value: "/x"}, Priority: -3, Upstream: "u",
		Timeout: 5 * time.Second, HostHeader: "peer", StripPrefix: "/x", Rewrite: messages.Rewrite{Pattern: "^/a", To: "/b"},
		RequestHeaders: messages.HeaderOps{
			Set: messages.ListOf(field("X-A", "1")), Add: messages.ListOf(field("B", "2"), field("B", "3"), field("C", "4")),
			Remove: messages.ListOf("D"),
		},
		ResponseHeaders: messages.HeaderOps{Remove: messages.ListOf("Server")},
		MaxBody:         1 << 20, MaxRequests: 9, Retry: &retry,
	}
	if !spec.Equal(want) {
		t.Errorf("got %+v, want %+v", spec, want)
	}
}

func TestParseReadsAWholeUpstream(t *testing.T) {
	spec, err := ParseUpstream("u", []byte(`
addrs: [a, b 2]
algo: p2c
health_check: off
max_requests: 3
queue: 0
queue_timeout: 1s
queue_when_down: true
retry: 1
connection_timeout: 1s
total_connection_timeout: 2s
response_timeout: 3s
read_timeout: 4s
write_timeout: 5s
idle_timeout: 6s
tunnel_timeout: 0
drain_timeout: 0
replace_timeout: 7s
discovery: dns
update_frequency: 8s
ipv4_only: true
remark: |
  two
  lines
`))
	if err != nil {
		t.Fatal(err)
	}
	retry := defaultRetry()
	retry.Attempts = 1
	want := messages.UpstreamSpec{
		Name: "u", Addrs: messages.ListOf(messages.PeerSpec{Addr: "a:80", Weight: 1}, messages.PeerSpec{Addr: "b:80", Weight: 2}),
		Algo: messages.Algo{Kind: messages.P2C}, Check: messages.CheckSpec{Kind: messages.CheckOff},
		Limits: messages.Limits{MaxRequests: 3, QueueTimeout: time.Second, QueueWhenDown: true}, Retry: retry,
		Transport: messages.Transport{
			ConnectionTimeout: time.Second, TotalConnectionTimeout: 2 * time.Second, ResponseTimeout: 3 * time.Second,
			ReadTimeout: 4 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 6 * time.Second,
			TLS: messages.PeerTLS{VerifyCert: true, MinVersion: "1.2"}, ALPN: messages.H1, MaxH2Streams: 100, MaxIdle: 512,
		},
		ReplaceTimeout: 7 * time.Second,
		Discovery:      messages.Discovery{Kind: messages.DiscoverDNS, UpdateFrequency: 8 * time.Second, IPv4Only: true},
	}
	if !spec.Equal(want) {
		t.Errorf("got %+v, want %+v", spec, want)
	}
}

func TestParseSortsByName(t *testing.T) {
	cfg := mustParse(t, `{listeners: [{addr: ":1"}], upstreams: {b: {addrs: [x]}, a: {addrs: [x]}}, routes: {z: {upstream: a}, y: {path: /y, upstream: a}}}`)
	names := []string{cfg.Desired.Upstreams.At(0).Name, cfg.Desired.Upstreams.At(1).Name, cfg.Desired.Routes.At(0).Name, cfg.Desired.Routes.At(1).Name}
	if !slices.Equal(names, []string{"a", "b", "y", "z"}) {
		t.Errorf("got %v", names)
	}
}

func TestWhatIsOddIsAWarning(t *testing.T) {
	cfg := mustParse(t, "listeners: [{addr: \":1\"}]\nroutes:\n  r:\n    upstream: gone\nupstreams:\n  u:\n    addrs: [a 2, {addr: \"A:80\"}]\n")
	var got []string
	for _, w := range cfg.Warnings {
		got = append(got, w.String())
	}
	want := []string{
		"weir.yaml:7:18: upstreams.u.addrs[1]: a:80 is the same address as upstreams.u.addrs[0]: it is one peer, the weights add up",
		"weir.yaml:4:15: routes.r.upstream: there is no upstream gone; the route answers 503 no_upstream until there is",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestRoutesWithOneRuleAreAFault(t *testing.T) {
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"a prefix with and without its slash", "{path: /v1/}", "{path: /v1}", true},
		{"no path and the root", "{}", "{path: /}", true},
		{"any host by two ways", `{host: "*"}`, "{}", true},
		{"hosts that differ in case", "{host: A.b}", "{host: a.B.}", true},
		{"escapes that mean the same", "{path: /%41%7e%2f//}", "{path: /A~%2F/}", true},
		{"equal regular expressions", `{path: "~^/x"}`, `{path: "~^/x"}`, true},
		{"another priority", "{priority: 1}", "{}", false},
		{"exact and prefix", "{path: =/x}", "{path: /x}", false},
		{"exact with and without a slash", "{path: =/x/}", "{path: =/x}", false},
		{"another host", "{host: a.b}", "{}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			upstream := func(route string) string { return strings.Replace(route, "{", "{upstream: u, ", 1) }
			_, err := Parse("", []byte("listeners: [{addr: \":1\"}]\nroutes:\n  a: "+upstream(test.a)+"\n  b: "+upstream(test.b)+"\n"), noEnv)
			if (err != nil) != test.same {
				t.Fatalf("got %v", err)
			}
			if test.same && !strings.Contains(err.Error(), "same host, path and priority as a in line 3") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestABodyHasItsOwnPathsAndNoVariables(t *testing.T) {
	_, err := ParseUpstream("u", []byte(`{"adrs": ["10.0.0.1"], "queue": "${HOME}"}`))
	faults := faultsOf(t, err)
	if len(faults) != 2 || faults[0].Path != "adrs" || faults[0].Line != 1 || faults[0].Column != 2 || faults[1].Path != "queue" ||
		!strings.Contains(faults[1].Message, "variables are not taken here") {
		t.Errorf("got %+v", faults)
	}
	for name, body := range map[string]string{"a.b": "{addrs: [x]}", "empty": "", "null": "null", "text": "x", "list": "[x]"} {
		if _, err := ParseUpstream(name, []byte(body)); len(faultsOf(t, err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseRoute("a b", []byte("{upstream: u}")); len(faultsOf(t, err)) != 1 {
		t.Errorf("name with a blank: %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml"), noEnv); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir, noEnv); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("folder: %v", err)
	}
	file := filepath.Join(dir, "weir.yaml")
	if err := os.WriteFile(file, []byte(`{listeners: [{addr: "${ADDR}"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, noEnv); faultsOf(t, err)[0].File != file {
		t.Errorf("fault without its file: %v", err)
	}
	cfg, err := Load(file, mapEnv(map[string]string{"ADDR": ":99"}))
	if err != nil || cfg.Listeners[0].Addr != ":99" {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

// hostile are texts that are made to cost much.
func hostile() map[string]string {
	return map[string]string{
		"many keys":          strings.Repeat("k: 1\n", 200_000),
		"many flow keys":     "{" + strings.Repeat(`"k":1,`, 100_000) + "}",
		"distinct keys":      "{" + strings.Join(numbered(40_000), ",") + "}",
		"deep lists":         strings.Repeat("[", 150_000),
		"very many lists":    strings.Repeat("[", 20_000_000),
		"deep mappings":      strings.Repeat("{a: ", 100_000),
		"deep entries":       strings.Repeat("- ", 150_000),
		"deep indentation":   staircase(1500),
		"tags":               "a: " + strings.Repeat("!x ", 150_000),
		"anchors":            "a: " + strings.Repeat("&x ", 150_000),
		"question marks":     strings.Repeat("? ", 150_000),
		"a long text":        "a: \"" + strings.Repeat("x", 4<<20) + "\"",
		"a long plain text":  "a: " + strings.Repeat("x ", 1<<19),
		"empty items":        strings.Repeat("-\n", 900_000),
		"empty nested items": strings.Repeat("- - - - -\n", 300_000),
		"many quotes":        strings.Repeat("'' ", 8<<20),
		"many brackets":      strings.Repeat("]", 30<<20),
		"many lines":         strings.Repeat("a: b\n", 6<<20),
		"many comments":      strings.Repeat("#\n", 1<<19),
		"many documents":     strings.Repeat("---\n", 150_000),
		"too many bytes":     strings.Repeat(" ", 33<<20),
		"laughs":             "a: &a [x,x]\n" + strings.Repeat("b: &b [*a,*a]\n", 30),
	}
}

func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = `"k` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + time.Duration(i).String() + `":1`
	}
	return keys
}

func staircase(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "k:\n")
	}
	return b.String()
}

func TestHostileTextsAreRefusedInTime(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, err := Parse("weir.yaml", []byte(text), noEnv)
			faults := faultsOf(t, err)
			if len(faults) > maxFaults || len(err.Error()) > 200_000 {
				t.Errorf("%d faults, %d bytes of text", len(faults), len(err.Error()))
			}
			if took := time.Since(begun); took > 20*time.Second { // far above what it takes; a quadratic step takes minutes
				t.Errorf("took %v", took)
			} else {
				t.Log(took.Round(time.Millisecond), faults[0].Message)
			}
		})
	}
}
