package destination

import (
	"errors"
	"strings"
	"testing"
)

func mustPatterns(t testing.TB, texts ...string) []Pattern {
	t.Helper()
	var patterns []Pattern
	for _, text := range texts {
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	return patterns
}

func TestPatternsHaveOneForm(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"*", "*"}, {"*:*", "*:*"}, {"*:8080", "*:8080"},
		{"Example.COM.", "example.com"}, {"example.com:8443", "example.com:8443"}, {"example.com:*", "example.com:*"},
		{"*.Example.com.", "*.example.com"}, {"*.example.com:81", "*.example.com:81"}, {"*.com", "*.com"},
		{"192.0.2.1", "192.0.2.1"}, {"192.0.2.1:81", "192.0.2.1:81"}, {"192.0.2.1/32", "192.0.2.1"},
		{"[2001:DB8::1]", "[2001:db8::1]"}, {"2001:db8::1", "[2001:db8::1]"}, {"[2001:db8::1]:81", "[2001:db8::1]:81"}, {"[::1]:*", "[::1]:*"},
		{"[::ffff:10.0.0.1]", "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.0/8"}, {"10.0.0.0/8:*", "10.0.0.0/8:*"}, {"fd00::/8", "fd00::/8"}, {"fd00::/8:8443", "fd00::/8:8443"}, {"0.0.0.0/0", "0.0.0.0/0"},
	} {
		t.Run("reads "+c.text, func(t *testing.T) {
			p, err := ParsePattern(c.text)
			if err != nil || p.String() != c.want {
				t.Fatalf("got %q, %v; want %q", p, err, c.want)
			}
		})
	}
}

func TestParsePatternSaysWhatToWrite(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", `"*" for every host`},
		{":80", `"*" for every host`},
		{"https://example.com", "is a URL"},
		{"example.com/path", "want ADDRESS/BITS"},
		{".example.com", `"*.example.com"`},
		{"a.*.com", "a * where none can be"}, {"*example.com", "a * where none can be"}, {"*.*", "a * where none can be"}, {"**", "a * where none can be"}, {"a*", "a * where none can be"},
		{"*.", "no host"}, {"*..", "no host"}, {"*.1", "ends in a number"}, {"*.0x1", "ends in a number"},
		{"127.1", "no IPv4 address"}, {"0x7f000001", "no IPv4 address"}, {"010.0.0.1", "no IPv4 address"},
		{"*.127.0.0.1", "ends in a number"},
		{"münchen.de", "xn--"}, {"a b", "no host name has"}, {"user@a", "no host name has"}, {"-a", "hyphen"},
		{"a:", "want a port"}, {"a:0", "want a port"}, {"a:080", "want a port"}, {"a:65536", "want a port"}, {"a:http", "want a port"}, {"a:80-90", "want a port"}, {"a:**", "want a port"},
		{"10.0.0.1/8", "did you mean 10.0.0.0/8?"}, {"10.0.0.0/33", "no range"}, {"10.0.0.0/08", "no range"}, {"10/8", "no range"}, {"a/8", "no range"}, {"10.0.0.0/8:", "want a port"},
		{"[fd00::/8]", "in brackets"}, {"[fd00::/8]:80", "in brackets"}, {"::ffff:10.0.0.0/104", "write it as IPv4"},
		{"[::1%eth0]", "zone"}, {"fe80::1%eth0", "zone"}, {"fe80::%eth0/64", "no range"}, {"[::1", "IPv6"}, {"[]", "no IPv6"}, {"[10.0.0.1]", "no IPv6"}, {"[a]b", "[ADDRESS]"}, {"::1:80:g", "no IPv6"},
		{strings.Repeat("a", 1<<16), "longer than 253"},
	} {
		t.Run("refuses "+quote(c.text), func(t *testing.T) {
			p, err := ParsePattern(c.text)
			if !errors.Is(err, ErrBadPattern) || p != (Pattern{}) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, %v; want %v that says %q", p, err, ErrBadPattern, c.says)
			}
		})
	}
}

func TestVain(t *testing.T) {
	for _, c := range []struct {
		text           string
		closed, opened bool
	}{
		{"*", false, false}, {"localhost", false, false}, {"*.internal", false, false},
		{"10.0.0.0/8", true, false}, {"10.1.0.0/16", true, false}, {"10.1.2.3", true, false}, {"8.0.0.0/5", false, false},
		{"127.0.0.1:8080", true, false}, {"[::1]", true, false}, {"fc00::/7", true, false}, {"fd00:1::/64", true, false},
		{"169.254.169.254", true, true}, {"169.254.0.0/16", true, true}, {"224.0.0.0/4", true, true}, {"fe80::/10", true, true},
		{"fd00:ec2::254", true, true}, {"100.100.100.200", true, true}, {"2001:db8::/32", true, true}, {"2001:db8::/31", false, false},
		{"4000::/32", true, true}, {"0.0.0.0/0", false, false}, {"::/0", false, false}, {"8.8.8.8", false, false}, {"2600::/12", false, false},
	} {
		t.Run(c.text, func(t *testing.T) {
			p := mustPatterns(t, c.text)[0]
			for _, private := range []bool{false, true} {
				want := c.closed && (!private || c.opened)
				if reason, vain := p.Vain(private); vain != want || vain && reason == "" {
					t.Errorf("with allow_private %t: got %q, %t; want %t", private, reason, vain, want)
				}
			}
		})
	}
}
