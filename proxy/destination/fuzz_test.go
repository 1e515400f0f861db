package destination

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func FuzzParseAuthority(f *testing.F) {
	for _, seed := range []string{
		"example.com", "Example.COM.:8443", "127.1", "0x7f.1", "2130706433", "192.0.2.1:80", "[::1]:80", "[::ffff:10.0.0.1]", "[fe80::1%eth0]",
		"user@host", "a:080", "a..b", "-a.b", "xn--mnchen-3ya.de", "münchen.de", "*.a", "a:65536", "[::1", "a%2eb",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAuthority(text, 80)
		if err != nil {
			if !errors.Is(err, ErrBadHost) || a != (Authority{}) {
				t.Fatalf("%q: got %v, %v; want nothing and %v", text, a, err, ErrBadHost)
			}
			return
		}
		if again, err := ParseAuthority(a.String(), 443); err != nil || again != a {
			t.Fatalf("%q: %v reads as %v, %v", text, a, again, err)
		}
		host, port, err := net.SplitHostPort(a.String())
		if err != nil || port == "0" || a.Port() == 0 {
			t.Fatalf("%q: %v does not split: %v", text, a, err)
		}
		if u, err := url.Parse("http://" + a.String() + "/"); err != nil || u.Hostname() != host || u.Port() != port {
			t.Fatalf("%q: %v is another host in a URL: %v, %v", text, a, u, err)
		}
		if addr := a.Addr(); addr.IsValid() {
			if a.Name() != "" || addr.Zone() != "" || addr.Is4In6() {
				t.Fatalf("%q: got the address %v and the name %q", text, addr, a.Name())
			}
			return
		}
		checkName(t, host)
	})
}

// checkName states anew, in other words than parseName, what a name is.
func checkName(t *testing.T, name string) {
	t.Helper()
	if len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.ToLower(name) != name {
		t.Fatalf("%q is no name", name)
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "-") != l {
			t.Fatalf("%q has the label %q", name, l)
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		t.Fatalf("%q ends in a number", name)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		t.Fatalf("%q is an address", name)
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, seed := range []string{
		"*", "*:*", "*:8080", "example.com", "*.example.com:*", "10.0.0.0/8", "10.0.0.0/8:81", "fd00::/8:443", "[::1]:80", "::1", "[::1]", "192.0.2.1:443",
		".example.com", "a.*.b", "127.1", "10.0.0.1/8", "::ffff:10.0.0.0/104", "[fd00::/8]", "http://a", "*.*", "*.1", "a:0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePattern(text)
		if err != nil {
			if !errors.Is(err, ErrBadPattern) || p != (Pattern{}) {
				t.Fatalf("%q: got %v, %v; want nothing and %v", text, p, err, ErrBadPattern)
			}
			return
		}
		if again, err := ParsePattern(p.String()); err != nil || again != p {
			t.Fatalf("%q: %v reads as %v, %v", text, p, again, err)
		}
		p.Vain(true)
		host := p.name
		switch p.kind {
		case suffixName:
			if host = "a." + p.name; len(host) > maxName {
				return
			}
		case addressRange:
			host = p.prefix.Addr().String()
			if p.prefix.Addr().Is6() {
				host = "[" + host + "]"
			}
		case anyHost:
			host = "any.example"
		}
		port := p.port
		if port == 0 {
			port = 443
		}
		a, err := ParseAuthority(host, port)
		if err != nil || !NewRules([]Pattern{p}, false).Allows(a) {
			t.Fatalf("%q does not allow its own host %v: %v", text, a, err)
		}
	})
}
