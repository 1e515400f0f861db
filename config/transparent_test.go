package config

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestTransparentUpstreams(t *testing.T) {
	for name, body := range map[string]string{
		"by discovery":         `{discovery: transparent, ipv4_only: true, transparent: {allow: ["*.a.org", "10.0.0.0/8:*"], allow_private: true}}`,
		"by algo":              `{algo: transparent, ipv4_only: true, transparent: {allow: ["*.a.org", "10.0.0.0/8:*"], allow_private: true}}`,
		"by both":              `{discovery: transparent, algo: transparent, ipv4_only: true, addrs: [], transparent: {allow: ["*.a.org", "10.0.0.0/8:*"], allow_private: true}}`,
		"with what it has not": `{discovery: transparent, health_check: off, ipv4_only: true, transparent: {allow: ["*.a.org", "10.0.0.0/8:*"], allow_private: true}}`,
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := ParseUpstream("open", []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			want := defaultUpstream("open")
			want.Check = messages.CheckSpec{Kind: messages.CheckOff}
			want.Transport.MaxIdleTotal = 1000
			want.Discovery = messages.Discovery{Kind: messages.DiscoverTransparent, IPv4Only: true,
				Transparent: messages.Transparent{Allow: messages.ListOf("*.a.org", "10.0.0.0/8:*"), AllowPrivate: true}}
			if !spec.Equal(want) {
				t.Errorf("got %+v, want %+v", spec, want)
			}
		})
	}
}

func TestTransparentUpstreamsThatAreRefused(t *testing.T) {
	for body, want := range map[string]string{
		`{discovery: transparent}`:                                                     "transparent is missing",
		`{discovery: transparent, transparent: {}}`:                                    "allow is missing",
		`{discovery: transparent, transparent: {allow: []}}`:                           "an empty list allows nothing",
		`{discovery: transparent, transparent: {allow: ["http://a.org/"]}}`:            "not the URL",
		`{discovery: transparent, transparent: {allow: ["a b"]}}`:                      "want a host",
		`{discovery: transparent, transparent: {allow: ["a.org/x"]}}`:                  "without a path",
		`{discovery: transparent, addrs: [a], transparent: {allow: [a]}}`:              "no peers of its own",
		`{discovery: transparent, algo: p2c, transparent: {allow: [a]}}`:               "nothing to pick",
		`{discovery: transparent, health_check: "tcp://a", transparent: {allow: [a]}}`: "none is probed",
		`{discovery: transparent, max_requests: 1, transparent: {allow: [a]}}`:         "no peers of its own",
		`{discovery: transparent, drain_timeout: 1s, transparent: {allow: [a]}}`:       "no peers of its own",
		`{discovery: transparent, update_frequency: 5s, transparent: {allow: [a]}}`:    "no peers of its own",
		`{discovery: dns, algo: transparent, transparent: {allow: [a]}}`:               "does not go with discovery: dns",
		`{addrs: [a], transparent: {allow: [a]}}`:                                      "for discovery: transparent",
		`{discovery: transparent, transparent: {allow: [a], allow_privat: true}}`:      "did you mean allow_private",
		`{discovery: transparent, algo: p3c, transparent: {allow: [a]}}`:               "nothing to pick",
	} {
		if _, err := ParseUpstream("open", []byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestAChangeOfWhatIsAllowedIsTold(t *testing.T) {
	config := func(allow string) *Config {
		return mustParse(t, `{listeners: [{addr: ":1"}], upstreams: {open: {discovery: transparent, transparent: {allow: [`+allow+`]}}}, routes: {r: {upstream: open}}}`)
	}
	if got := Compare(config("a.org"), config("a.org, b.org")).String(); !strings.Contains(got, "upstream open changed: transparent.allow") {
		t.Errorf("got %q", got)
	}
}
