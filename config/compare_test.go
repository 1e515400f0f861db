package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const beforeCompare = `listeners: [{addr: ":1"}, {addr: ":2", h2c: true}]
log: {level: info}
auth: {operator_token: correct-horse}
nats: {url: "nats://me:hunter2@a:1", prefix: w}
upstreams:
  a: {addrs: ["10.0.0.1", "10.0.0.2 5", "10.0.0.3"], remark: one}
  b: {addrs: [x], health_check: "http://h/x?check_frequency=10s"}
routes:
  r: {upstream: a, request_headers: {set: {Authorization: hunter2, B: c}}}
  s: {path: /s, upstream: b}
`

func TestCompareTellsWhatDiffers(t *testing.T) {
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(beforeCompare) }
	for _, test := range []struct {
		name, after string
		want        []string
	}{
		{name: "nothing", after: beforeCompare},
		{name: "a remark, a comment, an order", after: replace("remark: one", "remark: two", "routes:", "routes: # new",
			`{addr: ":1"}, {addr: ":2", h2c: true}`, `{addr: ":2", h2c: true}, {addr: ":1", h2c: false}`)},
		{
			name:  "peers are added, removed and get other weights",
			after: replace(`"10.0.0.1", "10.0.0.2 5", "10.0.0.3"`, `"10.0.0.1 2", "10.0.0.2 6", {addr: "10.0.0.4", tier: 1}`),
			want:  []string{"upstream a changed: addrs (1 added, 1 removed, 2 weights)"},
		},
		{name: "another order of peers", after: replace(`"10.0.0.1", "10.0.0.2 5"`, `"10.0.0.2 5", "10.0.0.1"`), want: []string{"upstream a changed: addrs (order)"}},
		{
			name:  "keys with their values",
			after: replace("remark: one", "algo: p2c, drain_timeout: 0", "check_frequency=10s", "check_frequency=5s"),
			want:  []string{"upstream a changed: algo round_robin -> p2c, drain_timeout 30s -> 0s", "upstream b changed: health_check.check_frequency 10s -> 5s"},
		},
		{name: "many keys below one are counted", after: replace(`, health_check: "http://h/x?check_frequency=10s"`, ""), want: []string{"upstream b changed: health_check (7 keys)"}},
		{name: "headers by name alone", after: replace("hunter2, B: c", "hunter3, D: e"), want: []string{
			"route r changed: request_headers.set.Authorization, request_headers.set.D, request_headers.set.B",
		}},
		{
			name:  "names come and go",
			after: replace("  b: {addrs", "  c: {addrs", "upstream: b", "upstream: c", "  s: {", "  t: {"),
			want:  []string{"upstream c added", "upstream b removed", "route t added", "route s removed"},
		},
		{name: "another password in a URL", after: replace("hunter2@", "hunter3@"), want: []string{"needs restart: nats.url (its secret differs)"}},
		{
			name:  "listeners",
			after: replace(`{addr: ":1"}, {addr: ":2", h2c: true}`, `{addr: ":2", trusted_proxies: [10.0.0.0/8]}, {addr: ":0"}, {addr: ":0"}`),
			want: []string{"listener :0 added", "listener :0 (2) added", `listener :2 changed: h2c true -> false, trusted_proxies [] -> ["10.0.0.0/8"], limits.max_h2_streams 128 -> without HTTP/2`,
				"listener :1 removed"},
		},
		{
			name:  "options of a socket that is open",
			after: replace(`{addr: ":1"}`, `{addr: ":1", tcp_recv_buf: 64KiB, reuse_port: true, h2c: true}`),
			want: []string{`listener :1 changed: h2c false -> true, limits.max_h2_streams without HTTP/2 -> 128`,
				"needs restart: listeners[:1].reuse_port false -> true", "needs restart: listeners[:1].tcp_recv_buf 0 -> 64KiB"},
		},
		{
			name:  "settings, live ones and others; secrets are not shown",
			after: replace("level: info", "level: debug, format: json", "Authorization: hunter2", "Authorization: hunter9", "correct-horse", "battery-staple", "hunter2@a:1", "hunter9@a:2", "prefix: w", "prefix: v, events: {max_age: 1h}") + "watch: false\nshutdown: {delay: 1s}\n",
			want: []string{
				"route r changed: request_headers.set.Authorization", "watch true -> false", "log.level info -> debug", "shutdown.delay 0s -> 1s",
				`needs restart: nats.url ["nats://me:(secret)@a:1"] -> ["nats://me:(secret)@a:2"]`, "needs restart: nats.prefix w -> v",
				"needs restart: nats.events.max_age 168h -> 1h", "needs restart: auth.operator_token (its secret differs)", "needs restart: log.format auto -> json",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Compare(mustParse(t, beforeCompare), mustParse(t, test.after))
			if diff := cmp.Diff(test.want, d.Lines()); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if d.Empty() != (len(test.want) == 0) || d.Empty() != (d.String() == "nothing changed") {
				t.Errorf("Empty is %t, text %q", d.Empty(), d)
			}
			text, err := json.Marshal(d)
			for _, secret := range []string{"hunter", "horse", "staple", "null"} {
				if err != nil || strings.Contains(string(text)+d.String()+fmt.Sprintf("%+v", d), secret) {
					t.Errorf("there is %q in %s, %v", secret, text, err)
				}
			}
		})
	}
}

func TestTheFormOfADeltaForTools(t *testing.T) {
	d := Compare(mustParse(t, beforeCompare), mustParse(t, strings.NewReplacer("10.0.0.2 5", "10.0.0.2 6", "prefix: w", "prefix: v").Replace(beforeCompare)))
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	const none = `{"added":[],"changed":[],"removed":[]}`
	want := `{"listeners":` + none + `,"upstreams":{"added":[],"changed":[{"name":"a","keys":[{"key":"addrs[10.0.0.2:80].weight","from":"5","to":"6"}]}],"removed":[]},` +
		`"routes":` + none + `,"live":[],"needs_restart":[{"key":"nats.prefix","from":"w","to":"v"}]}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestManyChangesAreCounted(t *testing.T) {
	var b strings.Builder
	b.WriteString("listeners: [{addr: \":1\"}]\nupstreams:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  u%05d: {addrs: [x]}\n", i)
	}
	many, few := mustParse(t, b.String()), mustParse(t, "listeners: [{addr: \":1\"}]\n")
	changed := mustParse(t, strings.ReplaceAll(b.String(), "[x]", "[y]"))
	for _, test := range []struct {
		delta Delta
		last  string
	}{
		{Compare(few, many), "9980 more upstreams added"},
		{Compare(many, few), "9980 more upstreams removed"},
		{Compare(many, changed), "9980 more upstreams changed"},
	} {
		lines := test.delta.Lines()
		if len(lines) != maxNames+1 || lines[maxNames] != test.last || !strings.HasPrefix(lines[0], "upstream u00000 ") {
			t.Errorf("got %d lines: %v", len(lines), lines)
		}
	}
}

// TestNoSettingIsForgotten changes every field of Config that is not one of
// the lists, and looks whether Compare says so.
func TestNoSettingIsForgotten(t *testing.T) {
	skip := map[string]bool{"Listeners": true, "Desired": true, "Files": true, "Warnings": true, "origins": true, "remarks": true}
	running := mustParse(t, "listeners: [{addr: \":1\"}]\nnats: {url: \"nats://a\"}\n")
	compared := 0
	var visit func(v reflect.Value, path string, next *Config)
	visit = func(v reflect.Value, path string, next *Config) {
		before := reflect.ValueOf(v.Interface())
		switch value := v.Addr().Interface().(type) {
		case *Secret:
			*value = NewSecret("another")
		case *[]URL:
			*value = []URL{NewURL("nats://b")}
		case *[]string:
			*value = []string{"10.0.0.1:53"}
		case *string:
			*value = "another"
		case *bool:
			*value = !*value
		default:
			switch v.Kind() {
			case reflect.Struct:
				for i := range v.NumField() {
					if name := v.Type().Field(i).Name; !skip[name] {
						visit(v.Field(i), path+"."+name, next)
					}
				}
				return
			case reflect.Int, reflect.Int64:
				v.SetInt(v.Int() + 7)
			default:
				t.Fatalf("%s: no other value for a %s: teach this test", path, v.Type())
			}
		}
		compared++
		if d := Compare(running, next); len(d.Live)+len(d.NeedsRestart) == 0 && path != ".NATS.Addr" { // which has no meaning beside URLs
			t.Errorf("a change of %s goes unnoticed", path)
		}
		v.Set(before)
	}
	next := *running
	visit(reflect.ValueOf(&next).Elem(), "", &next)
	if compared < 30 {
		t.Errorf("compared %d settings only", compared)
	}
}
