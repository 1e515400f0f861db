package config

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

// readValue parses one value as if it stood under key in an object.
func readValue[T any](t *testing.T, text string, parse func(item) (T, bool)) (T, []Fault) {
	t.Helper()
	doc, faults := readDocument("", []byte("key: "+text+"\n"), fileBounds())
	if len(faults) > 0 {
		t.Fatalf("%s: %v", text, faults)
	}
	r := newReader(mapEnv(map[string]string{"N": "7", "D": "9s", "T": "true", "EMPTY": ""}), doc)
	o, _ := r.root().object("")
	v, _ := o.get("key")
	value, ok := parse(v)
	if ok != (len(r.faults) == 0) {
		t.Errorf("%s: ok %t with faults %v", text, ok, r.faults)
	}
	return value, r.faults
}

// valueTest is a text, and the value that it means, or a part of the message
// that refuses it.
type valueTest[T any] struct {
	text  string
	want  T
	fault string
}

func runValues[T any](t *testing.T, parse func(item) (T, bool), tests []valueTest[T]) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, faults := readValue(t, test.text, parse)
			if test.fault != "" {
				if len(faults) == 0 || !strings.Contains(faults[0].Message+" "+faults[0].Hint, test.fault) {
					t.Fatalf("got %v and faults %v, want a fault with %q", got, faults, test.fault)
				}
				return
			}
			if len(faults) > 0 {
				t.Fatalf("faults: %v", faults)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(messages.StatusSet{})); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	runValues(t, duration(time.Millisecond), []valueTest[time.Duration]{
		{text: "5s", want: 5 * time.Second},
		{text: `"1h30m"`, want: 90 * time.Minute},
		{text: "0", want: 0},
		{text: "0s", want: 0},
		{text: "${D}", want: 9 * time.Second},
		{text: `"${N}s"`, want: 7 * time.Second},
		{text: "5", fault: "5s are seconds"},
		{text: "-1s", fault: "from 1ms"},
		{text: "5ns", fault: "from 1ms"},
		{text: "1d", fault: "units are"},
		{text: "999999h", fault: "to 87600h"},
		{text: "99999999999999h", fault: "want a duration"},
		{text: "soon", fault: "want a duration"},
		{text: `""`, fault: "want a duration"},
		{text: "[5s]", fault: "not a list"},
		{text: "", fault: "has no value"},
	})
	t.Run("some need more than none", func(t *testing.T) {
		if _, faults := readValue(t, "0s", someDuration(minFrequency)); len(faults) != 1 {
			t.Errorf("0s as a frequency: %v", faults)
		}
	})
}

func TestSizes(t *testing.T) {
	runValues(t, size, []valueTest[int64]{
		{text: "512", want: 512},
		{text: "1MiB", want: 1 << 20},
		{text: "10MB", want: 10_000_000},
		{text: `"2 GiB"`, want: 2 << 30},
		{text: "3kB", want: 3000},
		{text: "3KB", want: 3000},
		{text: "7B", want: 7},
		{text: "0", want: 0},
		{text: "10M", fault: "units are"},
		{text: "1.5MiB", fault: "want a size"},
		{text: "-1", fault: "want a size"},
		{text: "9999999999TiB", fault: "want a size"},
		{text: "9223372036854775808", fault: "want a size"},
		{text: "MiB", fault: "want a size"},
	})
}

func TestNumbersAndTruth(t *testing.T) {
	runValues(t, count(0, 10), []valueTest[int]{
		{text: "7", want: 7},
		{text: `"${N}"`, want: 7},
		{text: `"7"`, fault: "leave out the quotes"},
		{text: "11", fault: "from 0 to 10"},
		{text: "1.5", fault: "whole number"},
		{text: "0x7", fault: "whole number"},
		{text: "1_0", fault: "whole number"},
		{text: "true", fault: "whole number"},
		{text: "99999999999999999999", fault: "whole number"},
	})
	runValues(t, truth, []valueTest[bool]{
		{text: "true", want: true},
		{text: "false"},
		{text: "${T}", want: true},
		{text: `"true"`, fault: "leave out the quotes"},
		{text: "yes", fault: "true or false"},
		{text: "True", fault: "true or false"},
		{text: "1", fault: "true or false"},
	})
}

func staticPeer(v item) (messages.PeerSpec, bool) {
	return v.peer(peerForm{messages.DiscoverStatic, defaultPort})
}

func TestPeerAddresses(t *testing.T) {
	peer := func(addr string, weight, tier int) messages.PeerSpec {
		return messages.PeerSpec{Addr: addr, Weight: weight, Tier: tier}
	}
	runValues(t, staticPeer, []valueTest[messages.PeerSpec]{
		{text: "10.0.0.1:8080", want: peer("10.0.0.1:8080", 1, 0)},
		{text: "10.0.0.1", want: peer("10.0.0.1:80", 1, 0)},
		{text: "10.0.0.1:8080 10", want: peer("10.0.0.1:8080", 10, 0)},
		{text: `"[::1]:8080 1000"`, want: peer("[::1]:8080", 1000, 0)},
		{text: `"[2001:DB8::0:1]"`, want: peer("[2001:db8::1]:80", 1, 0)},
		{text: `"[fe80::1%eth0]:80"`, want: peer("[fe80::1%eth0]:80", 1, 0)},
		{text: `"[::ffff:10.0.0.1]:80"`, want: peer("10.0.0.1:80", 1, 0)},
		{text: "LocalHost:3001", want: peer("localhost:3001", 1, 0)},
		{text: "db.internal.:5432", want: peer("db.internal.:5432", 1, 0)},
		{text: "my_service", want: peer("my_service:80", 1, 0)},
		{text: "{addr: 10.0.0.1, weight: 3, tier: 1}", want: peer("10.0.0.1:80", 3, 1)},
		{text: "unix:/run/a.sock", want: peer("unix:/run/a.sock", 1, 0)},
		{text: "unix:/run/./a.sock 5", want: peer("unix:/run/a.sock", 5, 0)},
		{text: `{addr: "unix:/run/a.sock", tier: 2}`, want: peer("unix:/run/a.sock", 1, 2)},
		{text: "unix:run/a.sock", fault: "begins with /"},
		{text: "unix:///run/a.sock", fault: "unix:/run/a.sock"},
		{text: `"unix:@weir"`, fault: "abstract"},
		{text: `"unix:/run/"`, fault: "is a folder"},
		{text: `{addr: "unix:/a b"}`, fault: "no blanks"},
		{text: "unix:/" + strings.Repeat("a", 104), fault: "at most 103 bytes"},
		{text: "10.0.0.1:0", fault: "port from 1"},
		{text: "10.0.0.1:65536", fault: "port from 1"},
		{text: "10.0.0.1:http", fault: "port from 1"},
		{text: `"10.0.0.1:"`, fault: "port from 1"},
		{text: "10.0.0.1:+80", fault: "port from 1"},
		{text: "10.0.0.1:80 1001", fault: "weight from 1 to 1000"},
		{text: "10.0.0.1:80 -1", fault: "weight from 1 to 1000"},
		{text: "10.0.0.1:80 5s", fault: "weight from 1 to 1000"},
		{text: "256.0.0.1:80", fault: "neither an IP address"},
		{text: "a..b:80", fault: "neither an IP address"},
		{text: `"[::]:80"`, fault: "every address"},
		{text: `"[ff02::1]:80"`, fault: "multicast"},
		{text: `"[::ffff:255.255.255.255]:80"`, fault: "broadcast"},
		{text: `"fe80::1:8080"`, fault: `"[fe80::1]:8080" or "[fe80::1:8080]:80"`},
		{text: `"[10.0.0.1]:80"`, fault: "not an IPv6 address"},
		{text: "user@host:80", fault: "HOST:PORT"},
		{text: "{addr: localhost, weight: 0}", fault: "from 1 to 1000"},
		{text: "{addr: localhost, tier: -1}", fault: "from 0 to 100"},
		{text: "{addr: localhost 5}", fault: "neither an IP address"},
	})
}

func TestAlgos(t *testing.T) {
	hash := func(key messages.KeyKind, name string) messages.Algo {
		return messages.Algo{Kind: messages.Hash, Key: key, Name: name}
	}
	runValues(t, item.algo, []valueTest[messages.Algo]{
		{text: "round_robin", want: messages.Algo{Kind: messages.RoundRobin}},
		{text: "least_conn", want: messages.Algo{Kind: messages.LeastConn}},
		{text: "p2c", want: messages.Algo{Kind: messages.P2C}},
		{text: "random", want: messages.Algo{Kind: messages.Random}},
		{text: "hash:ip", want: hash(messages.KeyIP, "")},
		{text: "hash:path", want: hash(messages.KeyPath, "")},
		{text: "hash:url", want: hash(messages.KeyURL, "")},
		{text: "hash:query", want: hash(messages.KeyQuery, "")},
		{text: "hash:query:user", want: hash(messages.KeyQuery, "user")},
		{text: "hash:header:X-User", want: hash(messages.KeyHeader, "X-User")},
		{text: "hash:cookie:SID", want: hash(messages.KeyCookie, "SID")},
		{text: "hash", fault: "hash:header:NAME"},
		{text: `"hash:"`, fault: "hash:header:NAME"},
		{text: "hash:ip:x", fault: "want one of"},
		{text: "hash:cookie", fault: "want one of"},
		{text: `"hash:query:"`, fault: "want one of"},
		{text: `"hash:header:a b"`, fault: "want one of"},
		{text: "roundrobin", fault: "did you mean round_robin?"},
		{text: "magic", fault: "want one of"},
	})
}

func TestRetries(t *testing.T) {
	retry := func(change func(*messages.RetrySpec)) messages.RetrySpec {
		r := defaultRetry()
		change(&r)
		return r
	}
	runValues(t, item.retry, []valueTest[messages.RetrySpec]{
		{text: "off", want: retry(func(r *messages.RetrySpec) { r.Attempts = 0 })},
		{text: "5", want: retry(func(r *messages.RetrySpec) { r.Attempts = 5 })},
		{text: "${N}", want: retry(func(r *messages.RetrySpec) { r.Attempts = 7 })},
		{text: "{}", want: defaultRetry()},
		{text: `{on: [timeout, 502, 5xx], budget: 50%, budget_per_second: 0}`, want: retry(func(r *messages.RetrySpec) {
			r.OnTimeout, r.BudgetPercent, r.BudgetPerSecond = true, 50, 0
			r.Statuses, _ = messages.ParseStatusSet("500-599")
		})},
		{text: "11", fault: "from 0 to 10"},
		{text: `"5"`, fault: "from 0 to 10"},
		{text: "yes", fault: "want off"},
		{text: "{budget: 20}", fault: `"20%"`},
		{text: "{budget: 101%}", fault: "from 0% to 100%"},
		{text: "{on: timeout}", fault: "want a list"},
		{text: "{on: [404, 3xx]}", fault: "300 is no failure"},
		{text: "{attempt: 1}", fault: "did you mean attempts?"},
	})
}

func TestRouteHosts(t *testing.T) {
	runValues(t, item.routeHost, []valueTest[string]{
		{text: "API.Example.com", want: "api.example.com"},
		{text: "example.com.", want: "example.com"},
		{text: `"*.Example.com"`, want: "*.example.com"},
		{text: `"*"`, want: ""},
		{text: "10.0.0.1", want: "10.0.0.1"},
		{text: `"[::1]"`, want: "[::1]"},
		{text: `"*.10.0.0.1"`, fault: "want a host"},
		{text: `"a.*.com"`, fault: "want a host"},
		{text: `"*."`, fault: "want a host"},
		{text: `""`, fault: "want a host"},
		{text: `"a.com:80"`, fault: "without a port"},
		{text: `"a b"`, fault: "want a host"},
		{text: "http://a.com", fault: "want"},
	})
}

func TestPathRules(t *testing.T) {
	rule := func(kind messages.PathKind, value string) messages.PathRule {
		return messages.PathRule{Kind: kind, Value: value}
	}
	runValues(t, item.pathRule, []valueTest[messages.PathRule]{
		{text: "/", want: rule(messages.PathAny, "")},
		{text: "/v1/", want: rule(messages.PathPrefix, "/v1/")},
		{text: "/a%20b", want: rule(messages.PathPrefix, "/a%20b")},
		{text: "=/", want: rule(messages.PathExact, "/")},
		{text: "=/x", want: rule(messages.PathExact, "/x")},
		{text: "~^/x", want: rule(messages.PathRegexp, "^/x")},
		{text: "v1", fault: `"/v1"`},
		{text: "=x", fault: "begins with /"},
		{text: `"~"`, fault: "is empty"},
		{text: `"~("`, fault: "bad regular expression"},
		{text: `"~(?=x)"`, fault: "no look-around"},
		{text: "/a/./b", fault: "dot segments"},
		{text: "/a/%2e%2e/b", fault: "dot segments"},
		{text: `"/a/..;x/b"`, fault: "dot segments"},
		{text: `"/a\\..\\b"`, fault: "dot segments"},
		{text: "/a%2", fault: "begins an escape"},
		{text: "/a%00", fault: "begins an escape"},
		{text: `"/a?b"`, fault: "no ?"},
		{text: `"/a b"`, fault: "no blank"},
	})
}

// The packages do not import each other, so the source is read.
func TestRingBoundIsTheOneOfBalance(t *testing.T) {
	source, err := os.ReadFile("../balance/placement.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"MaxRingPoints": maxRingPoints, "PointsPerWeight": pointsPerWeight} {
		found := regexp.MustCompile(`\b` + name + ` = ([0-9_]+)`).FindSubmatch(source)
		if found == nil {
			t.Fatalf("balance has no %s", name)
		}
		if got := strings.ReplaceAll(string(found[1]), "_", ""); got != strconv.Itoa(want) {
			t.Errorf("%s is %s in balance, %d here", name, got, want)
		}
	}
}
