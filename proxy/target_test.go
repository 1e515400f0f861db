package proxy

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestSplitAuthority(t *testing.T) {
	for _, c := range []struct {
		in, host, port string
		ok             bool
	}{
		{"", "", "", true},
		{"example.com", "example.com", "", true},
		{"example.com.", "example.com", "", true},
		{"example.com:8080", "example.com", "8080", true},
		{"example.com.:8080", "example.com", "8080", true},
		{"example.com:", "example.com", "", true},
		{"[2001:db8::1]", "2001:db8::1", "", true},
		{"[::1]:80", "::1", "80", true},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", "", true},
		{"a_b.example", "a_b.example", "", true},
		{"a b", "", "", false},
		{"a\r\nX: y", "", "", false},
		{"a\x00", "", "", false},
		{"bücher.example", "", "", false},
		{"user@host", "", "", false},
		{"a/b", "", "", false},
		{`a\b`, "", "", false},
		{"a?b", "", "", false},
		{"a#b", "", "", false},
		{`a"b`, "", "", false},
		{".", "", "", false},
		{":80", "", "", false},
		{"a:b", "", "", false},
		{"a:65536", "", "", false},
		{"a:123456", "", "", false},
		{"a:1:2", "", "", false},
		{"::1", "", "", false},
		{"[::1", "", "", false},
		{"[::1]x", "", "", false},
		{"[]", "", "", false},
		{"[abc]", "", "", false},
		{"[::1]:x", "", "", false},
		{strings.Repeat("a", 256), "", "", false},
	} {
		host, port, ok := splitAuthority(c.in)
		if host != c.host || port != c.port || ok != c.ok {
			t.Errorf("%q: %q %q %t, want %q %q %t", c.in, host, port, ok, c.host, c.port, c.ok)
		}
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	for _, c := range []struct{ name, method, authority, path, query, proto string }{
		{"no host on HTTP/1.1", "GET", "", "/", "", "HTTP/1.1"},
		{"no host on HTTP/2", "GET", "", "/", "", "HTTP/2.0"},
		{"bad host", "GET", "a b", "/", "", "HTTP/1.1"},
		{"CONNECT", "CONNECT", "a:443", "/", "", "HTTP/1.1"},
		{"no method", "", "a", "/", "", "HTTP/1.1"},
		{"star without OPTIONS", "GET", "a", "*", "", "HTTP/1.1"},
		{"no path", "GET", "a", "", "", "HTTP/1.1"},
		{"a path that is no path", "GET", "a", "x", "", "HTTP/1.1"},
		{"space in the path", "GET", "a", "/a b", "", "HTTP/1.1"},
		{"newline in the path", "GET", "a", "/a\nb", "", "HTTP/1.1"},
		{"fragment", "GET", "a", "/a#b", "", "HTTP/1.1"},
		{"percent at the end", "GET", "a", "/a%", "", "HTTP/1.1"},
		{"half an escape", "GET", "a", "/a%2", "", "HTTP/1.1"},
		{"no escape", "GET", "a", "/a%zz", "", "HTTP/1.1"},
		{"NUL", "GET", "a", "/a%00b", "", "HTTP/1.1"},
		{"space in the query", "GET", "a", "/", "a b", "HTTP/1.1"},
		{"fragment in the query", "GET", "a", "/", "a#b", "HTTP/1.1"},
		{"above the root", "GET", "a", "/..", "", "HTTP/1.1"},
		{"above the root, escaped", "GET", "a", "/a/%2e%2e/%2E./b", "", "HTTP/1.1"},
		{"dots before an escaped slash", "GET", "a", "/a/..%2fb", "", "HTTP/1.1"},
		{"dots after an escaped slash", "GET", "a", "/a%2f../b", "", "HTTP/1.1"},
		{"dots after an escaped slash, at the end", "GET", "a", "/a%2F..", "", "HTTP/1.1"},
		{"dots between backslashes", "GET", "a", `/a\..\b`, "", "HTTP/1.1"},
		{"dots before an escaped backslash", "GET", "a", "/a/..%5cb", "", "HTTP/1.1"},
		{"one dot before an escaped slash", "GET", "a", "/a/.%2fb", "", "HTTP/1.1"},
		{"dots with a parameter", "GET", "a", "/a/..;x=1/b", "", "HTTP/1.1"},
		{"dots with an escaped parameter", "GET", "a", "/a/..%3b/b", "", "HTTP/1.1"},
		{"dots with a parameter at the end", "GET", "a", "/a/..;", "", "HTTP/1.1"},
		{"dots that take an empty segment away", "GET", "a", "/a//../b", "", "HTTP/1.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &Exchange{Request: Request{Method: c.method, Authority: c.authority, Path: c.path, Query: c.query, Proto: c.proto}}
			if code := x.core.readTarget(x); code != "bad_request" {
				t.Errorf("code %q, sent path %q, matched %q", code, x.Request.Path, x.core.trip.path)
			}
		})
	}
}

func TestPathsAsSentAndAsMatched(t *testing.T) {
	for _, c := range []struct{ in, sent, matched string }{
		{"/", "/", "/"},
		{"/a/b", "/a/b", "/a/b"},
		{"/a/..b/.c/...", "/a/..b/.c/...", "/a/..b/.c/..."},
		{"/a/%2e%2e%2e", "/a/%2e%2e%2e", "/a/..."},
		{"/a//b", "/a//b", "/a/b"},
		{"///", "///", "/"},
		{"/a%2fb", "/a%2fb", "/a%2Fb"},
		{"/%61%2d", "/%61%2d", "/a-"},
		{"/a/./b", "/a/b", "/a/b"},
		{"/a/.", "/a/", "/a/"},
		{"/a/b/..", "/a/", "/a/"},
		{"/a/..", "/", "/"},
		{"/a/../b%2f", "/b%2f", "/b%2F"},
		{"/a/b/%2e%2E/c//d", "/a/c//d", "/a/c/d"},
		{"/.", "/", "/"},
		{"/a;x/b;..", "/a;x/b;..", "/a;x/b;.."},
		{"/caf\xc3\xa9", "/caf\xc3\xa9", "/caf\xc3\xa9"},
	} {
		x := &Exchange{Request: Request{Method: "GET", Authority: "a", Path: c.in, Proto: "HTTP/1.1"}}
		code := x.core.readTarget(x)
		if code != fine || x.Request.Path != c.sent || x.core.trip.path != c.matched {
			t.Errorf("%q: sent %q, matched %q, code %q; want %q, %q", c.in, x.Request.Path, x.core.trip.path, code, c.sent, c.matched)
		}
	}
}

func FuzzSplitAuthority(f *testing.F) {
	for _, seed := range []string{"a.b:80", "[::1]:1", "A.", "a:b:c", "%zz", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		host, port, ok := splitAuthority(in)
		if !ok {
			return
		}
		if strings.ContainsAny(host+port, " \t\r\n\x00/\\?#@\"") || len(host) > maxHost {
			t.Errorf("%q: host %q, port %q", in, host, port)
		}
		if in != "" && host == "" {
			t.Errorf("%q: no host", in)
		}
	})
}

// FuzzReadTarget holds what route matching promises: a peer that undoes escapes,
// takes backslashes for slashes, drops parameters and resolves dot segments
// does not come out of the prefix that matched.
func FuzzReadTarget(f *testing.F) {
	for _, seed := range []string{"/a/../b", "/pub/..%2fadm", "/pub/%2e%2e/adm", `/pub/..\adm`, "/pub/..;/adm", "//a/./b//", "/pub/.%2e;/x", "/a%2f%2e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		x := &Exchange{Request: Request{Method: "GET", Authority: "a", Path: in, Proto: "HTTP/1.1"}}
		if code := x.core.readTarget(x); code != fine {
			return
		}
		sent, matched := x.Request.Path, x.core.trip.path
		if strings.Contains(matched, "//") || matched[0] != '/' || sent[0] != '/' {
			t.Fatalf("%q: sent %q, matched %q", in, sent, matched)
		}
		raw, err := url.PathUnescape(sent)
		if err != nil {
			t.Fatalf("%q: sent %q: %v", in, sent, err)
		}
		for _, reading := range []string{raw, strings.ReplaceAll(raw, `\`, "/"), dropParameters(raw), dropParameters(strings.ReplaceAll(raw, `\`, "/"))} {
			for part := range strings.SplitSeq(reading, "/") {
				if part == "." || part == ".." {
					t.Fatalf("%q: sent %q, which may be read as %q and resolved to %q", in, sent, reading, path.Clean(reading))
				}
			}
		}
		y := &Exchange{Request: Request{Method: "GET", Authority: "a", Path: matched, Proto: "HTTP/1.1"}}
		if code := y.core.readTarget(y); code != fine || y.core.trip.path != matched {
			t.Fatalf("%q: matched %q, which matched again is %q %q", in, matched, y.core.trip.path, code)
		}
	})
}

// dropParameters reads dots before ";" the way servlet containers do.
func dropParameters(p string) string {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if name, _, ok := strings.Cut(part, ";"); ok && (name == "." || name == "..") {
			parts[i] = name
		}
	}
	return strings.Join(parts, "/")
}
