package config

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestARouteMayRedirectAndForward(t *testing.T) {
	spec, err := ParseRoute("r", []byte(`{redirect: https, upstream: u, timeout: 5s}`))
	if err != nil {
		t.Fatal(err)
	}
	want := messages.Redirect{To: "https://{host}{uri}", Status: 308}
	if spec.Redirect != want || spec.Upstream != "u" || spec.Timeout.Seconds() != 5 {
		t.Errorf("got %+v", spec)
	}
	for _, body := range []string{`{redirect: "http://{host}{uri}", upstream: u}`, `{redirect: "{uri}", upstream: u}`} {
		_, err := ParseRoute("r", []byte(body))
		if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != "redirect" || !strings.Contains(faults[0].Message, "want one to https") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRedirectsThatNobodyGetsPast(t *testing.T) {
	const (
		plain   = `{addr: ":1"}`
		tls     = `{addr: ":1", tls: {certs: [{cert: a, key: b}]}}`
		trusted = `{addr: ":1", trusted_proxies: [10.0.0.1]}`
	)
	for _, test := range []struct{ name, listener, route, warning string }{
		{"to https and forward, without TLS", plain, "redirect: https, upstream: u", "every request is redirected"},
		{"to https and forward, a proxy says TLS", trusted, "redirect: https, upstream: u", ""},
		{"to https and forward, with TLS", tls, "redirect: https, upstream: u", ""},
		{"to https of itself", tls, "redirect: https", "404 no_route"},
		{"to another port of itself", tls, `redirect: "https:8443"`, "404 no_route"},
		{"to the path of itself", tls, `redirect: "https://{host}{path}?{query}"`, "404 no_route"},
		{"to https of another", plain, "redirect: https", ""},
		{"to another host", tls, `redirect: "https://www.a.org{uri}"`, ""},
		{"to another path", tls, `redirect: "https://{host}/login"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := mustParse(t, "{listeners: ["+test.listener+"], upstreams: {u: {addrs: [a]}}, routes: {r: {"+test.route+"}}}")
			checkEffective(t, cfg)
			switch {
			case test.warning == "" && len(cfg.Warnings) > 0:
				t.Errorf("warnings %v", cfg.Warnings)
			case test.warning != "" && (len(cfg.Warnings) != 1 || cfg.Warnings[0].Path != "routes.r.redirect" || !strings.Contains(cfg.Warnings[0].Message, test.warning)):
				t.Errorf("warnings %v, want one with %q", cfg.Warnings, test.warning)
			}
		})
	}
}

func TestASocketHasNoHost(t *testing.T) {
	_, err := Parse("", []byte(`{listeners: [{addr: ":1"}], upstreams: {u: {addrs: ["unix:/a"]}}, routes: {r: {upstream: u, host_header: peer}}}`), noEnv)
	if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != "routes.r.host_header" {
		t.Errorf("got %v", err)
	}
}
