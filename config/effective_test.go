package config

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEffectiveSaysWhereValuesComeFrom(t *testing.T) {
	cfg, err := Parse("weir.yaml", []byte(`listeners: [{addr: "${ADDR}"}]
upstreams:
  u:
    addrs: [a 2]
    health_check: "http://h/?failure=3"
    retry: 1
    queue: "${QUEUE:-7}"
auth:
  operator_token: do-not-print
`), mapEnv(map[string]string{"ADDR": ":9"}))
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.Effective()
	for _, want := range []string{
		`  - addr: ":9" # line 1, env ADDR`,
		`- addr: "a:80" # line 4`, `weight: 2 # line 4`, `tier: 0 # default`,
		`type: http # line 5`, `host: "h" # line 5`, `failure: 3 # line 5`, `success: 1 # default`,
		`attempts: 1 # line 6`, `budget: 20% # default`,
		`queue: 7 # line 7, env QUEUE`, `idle_timeout: 1m # default`,
		`# operator_token: (secret) # line 9`,
	} {
		if !strings.Contains(squeeze(got), squeeze(want)) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "do-not-print") {
		t.Errorf("a secret is printed:\n%s", got)
	}
	again := mustParse(t, got)
	if token := again.Auth.OperatorToken.Reveal(); token != "" {
		t.Errorf("the redacted token became the token %q", token)
	}
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestThePlaceholderOfASecretIsNoToken(t *testing.T) {
	_, err := Parse("", []byte("listeners: [{addr: \":1\"}]\nauth: {operator_token: \""+redacted+"\"}\n"), noEnv)
	if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != "auth.operator_token" {
		t.Errorf("got %v", err)
	}
}

// TestEffectiveReadsAsTheSame is a property over configurations made of
// randomly chosen values.
func TestEffectiveReadsAsTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
	for i := range 500 {
		text := randomConfig(random)
		cfg, err := Parse("random", []byte(text), noEnv)
		if err != nil {
			t.Fatalf("configuration %d: %v\n%s", i, err, text)
		}
		checkEffective(t, cfg)
		if t.Failed() {
			t.Fatal(text)
		}
	}
}

// checkEffective looks whether the effective configuration reads as the same.
func checkEffective(t *testing.T, cfg *Config) {
	t.Helper()
	effective := cfg.Effective()
	again, err := Parse("effective", []byte(effective), noEnv)
	if err != nil {
		t.Errorf("the effective configuration does not parse: %v\n%s", err, effective)
		return
	}
	if changes := Diff(cfg.Desired, again.Desired); !changes.Empty() {
		t.Errorf("differs: %+v\n%s", changes, effective)
	}
	if strings.Contains(effective, redacted) { // secrets are left out, and what goes with them
		cfg.NATS, again.NATS = NATS{}, NATS{}
	}
	if cfg.Member != again.Member || cfg.DataDir != again.DataDir || !reflect.DeepEqual(cfg.NATS, again.NATS) || !reflect.DeepEqual(cfg.DNS, again.DNS) || cfg.Docker != again.Docker || cfg.Watch != again.Watch || cfg.Admin != again.Admin ||
		cfg.Log != again.Log || cfg.Shutdown != again.Shutdown || fmt.Sprint(cfg.Listeners) != fmt.Sprint(again.Listeners) {
		t.Errorf("settings differ:\n%s", effective)
	}
	strip := func(text string) string { // origins differ: what was a default has a line now
		var lines []string
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "# included: ") {
				continue
			}
			before, _, _ := strings.Cut(line, " # ")
			lines = append(lines, strings.TrimRight(before, " \n"))
		}
		return strings.Join(lines, "\n")
	}
	if !strings.Contains(effective, redacted) {
		if diff := cmp.Diff(strip(effective), strip(again.Effective())); diff != "" {
			t.Errorf("the second effective configuration differs:\n%s", diff)
		}
	}
}

// randomConfig puts values together that are good by themselves.
func randomConfig(random *rand.Rand) string {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	maybe := func(key string, values ...string) string {
		if random.IntN(2) == 0 {
			return ""
		}
		return "    " + key + ": " + pick(values...) + "\n"
	}
	var b strings.Builder
	b.WriteString("listeners:\n  - " + pick(listenerTexts()...) + "\nupstreams:\n")
	for i := range 1 + random.IntN(3) {
		way, name, port := random.IntN(5), pick("a", "B-", "_x", "9", "-"), ", port: 9"
		if way == 2 { // a route with host_header: peer does not go there
			name, port = "sock", ""
		}
		fmt.Fprintf(&b, "  %s%d:\n", name, i)
		switch way {
		case 0:
			b.WriteString("    discovery: dns\n    addrs: " + pick("[a]", "[_http._tcp.a.b, \"a:9 5\"]", "[{addr: _x._TCP.a}, {addr: b, tier: 1}]") + "\n")
			b.WriteString(maybe("update_frequency", "0", "1s"))
		case 1:
			b.WriteString("    discovery: docker\n    addrs: " + pick("[app]", "[\"app=Web:x:80 5\", \"com.x=$${y}\"]", "[{addr: \"a=b:9\", tier: 3}]") + "\n")
		case 2:
			b.WriteString("    addrs: " + pick("[\"unix:/a 3\"]", "[{addr: b, tier: 2}, \"unix:/b/c.sock\"]") + "\n")
		default:
			b.WriteString("    addrs: " + pick("[a]", "[a 5, \"[::1]:9 1000\"]", "[{addr: b, tier: 2}, A, a]") + "\n")
			b.WriteString(maybe("bind", "\"::1\"", "\"fe80::1%eth0\"") + maybe("tcp_user_timeout", "0", "1ms") + maybe("tcp_recv_buf", "1KiB", "12345") + maybe("tcp_fast_open", "true"))
			b.WriteString(maybe("update_frequency", "0", "1m"))
		}
		writeTransport(&b, maybe, random.IntN(4))
		b.WriteString(maybe("algo", "p2c", "hash:ip", "hash:query:a", "\"hash:header:X'Y\""))
		b.WriteString(maybe("health_check", "off", "tcp://x", `"https://x/y?z=$${A}"`, `"http://x?check_frequency=1.5s&q=%20"`,
			`{type: http, status: [200, 4xx], headers: {"!a": "$${x} \"q\" \\ #"}, body: {contains: "\t\x7f\0é\u2028:\n- x", matches: "^\\$"}}`,
			"{type: https"+port+", tls: {ca: \"/a b.pem\"}}", "{type: https, tls: {verify: false}, method: HEAD}"))
		b.WriteString(maybe("retry", "off", "3", "{on: [timeout, 404, 500-503], budget: 0%}"))
		b.WriteString(maybe("read_timeout", "0", "1ms", "1h30m", "90s"))
		b.WriteString(maybe("drain_timeout", "0", "5s"))
		b.WriteString(maybe("replace_timeout", "0", "5s"))
		b.WriteString(maybe("tunnel_timeout", "0", "24h", "1m0.5s"))
		b.WriteString(maybe("max_requests", "0", "10000000"))
		b.WriteString(maybe("queue_when_down", "true", "false"))
		b.WriteString(maybe("remark", "x", "\"${A:-}\"", "|\n      two\n      $${lines}"))
	}
	b.WriteString("watch: " + pick("true", "false") + "\n")
	b.WriteString("nats: " + pick("{}", "{addr: \":1234\", events: {max_age: 1m, max_bytes: 1MiB, per_subject: 1}}", "{url: \"nats://h:1\", creds: /c}",
		"{url: [\"nats://a\", \"tls://[::1]:2\"], nkey: x, tls: {ca: a, cert: b, key: c}, prefix: a.b}", "{url: \"tls://u:pw@h\", tls: {ca: /x}}",
		"{url: \"nats://h\", user: u, password: \"p: #w\"}") + "\n")
	b.WriteString("dns: " + pick("{}", "{servers: [10.0.0.53, \"[::1]:5353\"], max_stale: 1h, timeout: 10ms, attempts: 9}") + "\n")
	b.WriteString("docker: " + pick("{}", "{host: \"tcp://a:1\", tls: {ca: x}, peer_addr: published, auto: true}", "{host: \"unix:///x\"}") + "\n")
	writeRoutes(&b, random, pick, maybe)
	return b.String()
}
