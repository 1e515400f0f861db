package destination

import (
	"fmt"
	"testing"
)

func mustAuthority(t testing.TB, text string) Authority {
	t.Helper()
	a, err := ParseAuthority(text, 80)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"*", []string{"a", "a.b:443", "10.0.0.1", "[::1]:443"}, []string{"a:8080", "10.0.0.1:22", "a:1"}},
		{"*:*", []string{"a", "a:1", "10.0.0.1:22", "[::1]:65535"}, nil},
		{"*:8080", []string{"a:8080", "10.0.0.1:8080"}, []string{"a", "a:443"}},
		{"example.com", []string{"example.com", "EXAMPLE.com.", "example.com:443"},
			[]string{"example.com:8080", "www.example.com", "xexample.com", "example.co", "com", "example.com.evil.test", "127.0.0.1"}},
		{"example.com:8443", []string{"example.com:8443"}, []string{"example.com", "example.com:443"}},
		{"example.com:*", []string{"example.com:22", "example.com"}, []string{"a.example.com:22"}},
		{"*.example.com", []string{"www.example.com", "a.b.c.example.com:443"}, []string{"example.com", "xexample.com", "www.example.com:8080", "example.com.evil.test", "com"}},
		{"*.example.com:81", []string{"a.example.com:81"}, []string{"a.example.com", "example.com:81"}},
		{"*.com", []string{"example.com", "a.example.com"}, []string{"com", "example.org"}},
		{"192.0.2.1", []string{"192.0.2.1", "192.0.2.1:443", "[::ffff:192.0.2.1]"}, []string{"192.0.2.2", "192.0.2.1:81", "a.test", "[::192.0.2.1]"}},
		{"10.0.0.0/8", []string{"10.0.0.0", "10.255.255.255:443", "[::ffff:10.1.2.3]"}, []string{"9.255.255.255", "11.0.0.0", "10.0.0.1:81", "a.test", "[::10.0.0.1]", "[a00::]"}},
		{"10.0.0.0/8:*", []string{"10.0.0.1:81"}, []string{"11.0.0.1:81"}},
		{"0.0.0.0/0", []string{"8.8.8.8"}, []string{"[::1]", "a"}},
		{"fd00::/8", []string{"[fd00::1]", "[fdff::]:443"}, []string{"[fc00::1]", "[fe00::1]", "253.0.0.0"}},
		{"[2001:db8::1]:81", []string{"[2001:db8::1]:81"}, []string{"[2001:db8::1]", "[2001:db8::2]:81"}},
	} {
		rules := NewRules(mustPatterns(t, c.pattern), false)
		for _, host := range c.yes {
			if !rules.Allows(mustAuthority(t, host)) {
				t.Errorf("%s does not allow %s; want it allowed", c.pattern, host)
			}
		}
		for _, host := range c.no {
			if rules.Allows(mustAuthority(t, host)) {
				t.Errorf("%s allows %s; want it not allowed", c.pattern, host)
			}
		}
	}
}

func TestRulesAddUp(t *testing.T) {
	rules := NewRules(mustPatterns(t, "a.test", "a.test:81", "*.a.test:82", "*.x.a.test", "10.0.0.0/8:83", "10.1.0.0/16", "10.0.0.0/8:83"), false)
	for host, want := range map[string]bool{
		"a.test": true, "a.test:81": true, "a.test:82": false, "x.a.test:82": true, "x.a.test": false, "y.x.a.test": true, "y.x.a.test:82": true,
		"10.1.0.1": true, "10.1.0.1:83": true, "10.2.0.1": false, "10.2.0.1:83": true,
	} {
		if got := rules.Allows(mustAuthority(t, host)); got != want {
			t.Errorf("%s: allowed is %t; want %t", host, got, want)
		}
	}
}

func TestNothingIsAllowedByDefault(t *testing.T) {
	for name, rules := range map[string]*Rules{"no rules": nil, "no pattern": NewRules(nil, true), "the zero pattern": NewRules([]Pattern{{}}, true), "zero rules": {}} {
		for _, host := range []string{"a.test", "8.8.8.8", "[2600::1]"} {
			if rules.Allows(mustAuthority(t, host)) {
				t.Errorf("%s allows %s", name, host)
			}
		}
	}
	if NewRules(mustPatterns(t, "*:*"), true).Allows(Authority{}) {
		t.Error("the zero Authority is allowed")
	}
}

func BenchmarkAllows(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		var patterns []Pattern
		for i := range n {
			patterns = append(patterns, mustPatterns(b, fmt.Sprintf("*.h%d.test", i), fmt.Sprintf("h%d.test", i))...)
		}
		rules, a := NewRules(patterns, false), mustAuthority(b, "www.sub.h7.test")
		b.Run(fmt.Sprintf("%d patterns", 2*n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !rules.Allows(a) {
					b.Fatal("not allowed")
				}
			}
		})
	}
}
