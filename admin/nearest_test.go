package admin

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"api", "payments", "web", "web-static"}
	for typed, want := range map[string]string{
		"wbe": "web", "WEB": "web", "we": "web", "ap": "api", "payment": "payments", "paymnets": "payments", "web_static": "web-static",
		"": "", "x": "", "zzz": "", "database": "",
	} {
		if got := nearest(typed, names); got != want {
			t.Errorf("nearest(%q): got %q, want %q", typed, got, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"abcd", "badc", 2}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("edits(%q, %q): got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
