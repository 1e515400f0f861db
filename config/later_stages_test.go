package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// These rules belong to parts that this package must not import: proxy (header
// edits, paths, redirects, regular expressions) and actors/health (probes).
// They are held here again, so that a file that passes the check is not refused
// later.

func TestWhatRoutesRefuseLaterIsAFault(t *testing.T) {
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings",
		"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "Content-Length", "Host", "a b", "a:b", "ä", `""`,
	} {
		for _, form := range []string{"set: {%: x}", "add: {%: [x]}", "remove: [%]"} {
			for _, key := range []string{"request_headers", "response_headers"} {
				for _, written := range []string{name, strings.ToLower(name)} {
					if !strings.HasPrefix(written, `"`) {
						written = `"` + written + `"`
					}
					_, err := ParseRoute("r", []byte("{upstream: u, "+key+": {"+strings.Replace(form, "%", written, 1)+"}}"))
					if faults := faultsOf(t, err); len(faults) != 1 {
						t.Errorf("%s %s %s: %v", key, form, written, err)
					}
				}
			}
		}
	}
	for _, body := range []string{
		`{upstream: u, request_headers: {set: {A: "a\r\nB: c"}}}`,
		`{upstream: u, request_headers: {add: {A: ["a\0"]}}}`,
		`{upstream: u, response_headers: {set: {A: "\x7f"}}}`,
		`{upstream: u, host_header: "a/b"}`,
		`{upstream: u, host_header: "a b"}`,
		`{upstream: u, host_header: "a:99999"}`,
		`{upstream: u, host_header: "[::1"}`,
		`{upstream: u, host: "a:80"}`,
		`{upstream: u, host: "*.*.a"}`,
		`{upstream: u, path: "~("}`,
		`{upstream: u, path: "/%zz"}`,
		`{upstream: u, path: "=/a/../b"}`,
		`{upstream: u, strip_prefix: "x"}`,
		`{upstream: u, strip_prefix: "/a/%2e%2e/"}`,
		`{upstream: u, strip_prefix: "/a/..;p/b"}`,
		`{upstream: u, strip_prefix: "/a\\..\\b"}`,
		`{upstream: u, strip_prefix: "/a#b"}`,
		`{upstream: u, rewrite: "( /x"}`,
		`{upstream: u, rewrite: "/a /b?c"}`,
		`{upstream: u, rewrite: {match: "/a", to: "/b c"}}`,
		`{redirect: "/a b"}`,
		`{redirect: "/a\u0001"}`,
		`{redirect: "//{evil}"}`,
		`{redirect: {to: /a, status: 305}}`,
		`{redirect: /a, upstream: u}`,
		`{path: /a}`,
	} {
		if _, err := ParseRoute("r", []byte(body)); len(faultsOf(t, err)) != 1 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWhatProbesRefuseLaterIsAFault(t *testing.T) {
	for _, body := range []string{
		`{Connection: x}`, `{content-length: "1"}`, `{Transfer-Encoding: x}`, `{Upgrade: x}`, `{expect: 100-continue}`, `{Expect: x}`,
		`{Host: x}`, `{"a b": x}`, `{"": x}`, `{A: "a\r\nB: c"}`, `{A: "\x7f"}`, `{A: "\0"}`,
	} {
		_, err := ParseUpstream("u", []byte("{addrs: [x], health_check: {type: http, headers: "+body+"}}"))
		if len(faultsOf(t, err)) != 1 {
			t.Errorf("headers %s: %v", body, err)
		}
	}
	for _, check := range []string{
		`{type: http, path: ""}`, `{type: http, path: x}`, `{type: http, path: "/a b"}`, `{type: http, path: "/a\r\nB: c"}`, `{type: http, path: "/\x7f"}`,
		`{type: http, host: ""}`, `{type: http, host: "a b"}`, `{type: http, host: "a\r\nb"}`, `{type: http, host: "a/b"}`,
		`{type: http, method: ""}`, `{type: http, method: "G T"}`, `{type: http, method: "GET\r\n"}`, `{type: http, method: "G(T"}`,
		`{type: http, body: {matches: "("}}`, `{type: http, body: {matches: "(?!x)"}}`,
		`{type: http, port: 65536}`, `{type: http, port: -1}`, `{type: smtp}`,
		`"http://a/x y"`, `"http://a\r\nb/"`, `"http://a b/"`, `"http://a/?check_frequency=1ms"`,
	} {
		if _, err := ParseUpstream("u", []byte("{addrs: [x], health_check: "+check+"}")); len(faultsOf(t, err)) != 1 {
			t.Errorf("%s: %v", check, err)
		}
	}
}

// TestNamesThatLaterStagesRefuseAreKnownHere reads the lists of names from the
// source of those who refuse them.
func TestNamesThatLaterStagesRefuseAreKnownHere(t *testing.T) {
	for _, list := range []struct {
		file, function string
		known          func(name string) string
	}{
		{"../proxy/hop.go", "isHopByHop", editableField},
		{"../actors/health/request.go", "checkField", checkField},
	} {
		source, err := os.ReadFile(list.file)
		if err != nil {
			t.Fatal(err)
		}
		_, body, found := strings.Cut(string(source), "\nfunc "+list.function+"(")
		body, _, _ = strings.Cut(body, "\n}\n")
		names := regexp.MustCompile(`(?:case |, |name, )"([A-Za-z0-9-]+)"`).FindAllStringSubmatch(body, -1)
		if !found || len(names) < 5 {
			t.Fatalf("%s: found %v in %s", list.file, names, list.function)
		}
		for _, name := range names {
			if list.known(name[1]) == "" {
				t.Errorf("%s refuses %s, this package does not", list.file, name[1])
			}
		}
	}
}
