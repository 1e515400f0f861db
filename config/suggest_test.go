package config

import "testing"

func TestSuggest(t *testing.T) {
	keys := []string{"addrs", "algo", "health_check", "read_timeout", "write_timeout", "queue"}
	for name, want := range map[string]string{
		"adrs": "addrs", "addr": "addrs", "ADDRS": "addrs", "algo-": "algo", "healthCheck": "health_check", "health-chekc": "health_check",
		"read_timeuot": "read_timeout", "wirte_timeout": "write_timeout", "qeue": "queue",
		"": "", "x": "", "backend": "", "addresses_of_the_peers": "",
	} {
		if got := closest(name, keys); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "axc", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
