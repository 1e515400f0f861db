package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// everyForm has each mapping that the configuration has, so that reading it
// asks for every key.
const everyForm = `
listeners:
  - {addr: ":8080", tls: {certs: [{cert: a, key: b}]}, proxy_protocol: {trusted: [10.0.0.1]}, limits: {}}
routes:
  forward:
    upstream: web
    rewrite: {match: a, to: b}
    request_headers: {}
    response_headers: {}
    retry: {}
  redirect: {path: /x, redirect: {to: /y}}
upstreams:
  web:
    addrs: [{addr: "10.0.0.1"}]
    retry: {}
    health_check: {type: https, body: {}, tls: {}}
  names:
    addrs: [a]
    discovery: dns
  open:
    discovery: transparent
    transparent: {allow: ["*"]}
include: [x/*.yaml]
nats: {url: "nats://a", tls: {}, events: {}}
dns: {}
docker: {host: "tcp://a:1", tls: {}}
cluster: {}
admin: {}
auth: {}
log: {}
shutdown: {}
`

// documented returns the keys of docs/config.md with their default columns.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]*\\| ([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		if _, twice := keys[row[1]]; twice {
			t.Errorf("docs/config.md has %s twice", row[1])
		}
		keys[row[1]] = strings.TrimSpace(row[2])
	}
	return keys
}

func TestDocumentedKeysAreThoseThatAreRead(t *testing.T) {
	doc, faults := readDocument("", []byte(everyForm), fileBounds())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	r := newReader(noEnv, doc)
	r.known = map[string]bool{}
	r.config(defaultConfig(noEnv), &inclusion{patterns: []string{"x/*.yaml"}})
	if err := r.err(); err != nil {
		t.Fatal(err)
	}
	read := slices.Sorted(maps.Keys(r.known))
	docs := slices.Sorted(maps.Keys(documented(t)))
	if diff := cmp.Diff(read, docs); diff != "" {
		t.Errorf("keys that are read (-) and documented (+):\n%s", diff)
	}
}

func TestDocumentedDefaultsAreThoseInForce(t *testing.T) {
	cfg := mustParse(t, `{listeners: [{addr: ":8080"}], routes: {r: {upstream: u}}, upstreams: {u: {addrs: [localhost]}}}`)
	var tree any
	if err := yaml.Unmarshal([]byte(cfg.Effective()), &tree); err != nil {
		t.Fatal(err)
	}
	inForce := map[string]string{}
	flatten(tree, "", inForce)
	compared := 0
	for key, column := range documented(t) {
		value, isDefault := strings.CutPrefix(column, "`")
		if value = strings.TrimSuffix(value, "`"); !isDefault {
			continue
		}
		compared++
		if got, ok := inForce[key]; !ok || got != value {
			t.Errorf("%s: documented default %q, in force %q (there: %t)", key, value, got, ok)
		}
	}
	if compared < 40 {
		t.Errorf("compared %d defaults only", compared)
	}
}

// flatten writes the values of a tree under the kinds of their places.
func flatten(v any, kind string, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			into[kind] = "{}"
		}
		for key, value := range v {
			if kind == "routes" || kind == "upstreams" {
				key = "NAME"
			}
			flatten(value, join(kind, key), into)
		}
	case []any:
		if len(v) == 0 {
			into[kind] = "[]"
		}
		for _, value := range v {
			flatten(value, kind+"[]", into)
		}
	default:
		into[kind] = fmt.Sprint(v)
	}
}
