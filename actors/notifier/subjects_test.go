package notifier

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

var errToken = errors.New("not a token")

// untoken is the inverse of token: special is the inverse of what token was given.
func untoken(tok string, special func(byte) byte) (string, error) {
	if tok == "=" {
		return "", nil
	}
	if tok == "" {
		return "", errToken
	}
	var out []byte
	for i := 0; i < len(tok); i++ {
		b := tok[i]
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-':
			out = append(out, b)
		case b == '=':
			if i+2 >= len(tok) {
				return "", errToken
			}
			n, err := strconv.ParseUint(tok[i+1:i+3], 16, 8)
			if err != nil {
				return "", errToken
			}
			out = append(out, byte(n))
			i += 2
		case special(b) != 0:
			out = append(out, special(b))
		default:
			return "", errToken
		}
	}
	return string(out), nil
}

func unpeer(b byte) byte {
	switch b {
	case '_':
		return '.'
	case '/':
		return ':'
	}
	return 0
}

func unactor(b byte) byte {
	if b == '_' || b == '/' {
		return b
	}
	return 0
}

func unname(b byte) byte {
	if b == '_' {
		return b
	}
	return 0
}

func TestPeerTokens(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:8080":     "10_0_0_1/8080",
		"[::1]:80":          "=5B//1=5D/80",
		"localhost:80":      "localhost/80",
		"a_b.local:80":      "a=5Fb_local/80",
		"unix:/run/a.sock":  "unix/=2Frun=2Fa_sock",
		"fe80::1%eth0":      "fe80//1=25eth0",
		"a=b":               "a=3Db",
		"a b*>\n":           "a=20b=2A=3E=0A",
		"":                  "=",
		"bücher.example:80": "b=C3=BCcher_example/80",
	} {
		if got := peerToken(addr); got != want {
			t.Errorf("%q: got %q, want %q", addr, got, want)
		}
	}
}

func TestSubjects(t *testing.T) {
	for got, want := range map[string]string{
		healthSubject("weir", "web", "10.0.0.1:80"):             "weir.evt.health.web.10_0_0_1/80",
		healthSubject("edge.eu", "my_web-1", "[::1]:80"):        "edge.eu.evt.health.my_web-1.=5B//1=5D/80",
		healthSubject("weir", "", ""):                           "weir.evt.health.=.=",
		upstreamSubject("weir", "a.b"):                          "weir.evt.upstream.a=2Eb",
		configSubject("weir", "file", "weir.yaml"):              "weir.evt.config.file.weir=2Eyaml",
		configSubject("weir", "", ""):                           "weir.evt.config.=.=",
		outboxSubject("weir"):                                   "weir.evt.actor.outbox",
		discoverySubject("weir", "web"):                         "weir.evt.discovery.web",
		actorSubject("weir", "system/upstreams/my_web"):         "weir.evt.actor.system/upstreams/my_web",
		actorSubject("weir", "system/upstreams/web/10.0.0.1:1"): "weir.evt.actor.system/upstreams/web/10=2E0=2E0=2E1=3A1",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLongNamesMakeShortTokensThatDiffer(t *testing.T) {
	fits, long := strings.Repeat("x", maxToken), strings.Repeat("é", 4096)
	if got := short(nameToken(fits)); got != fits {
		t.Errorf("a token that fits became %q", got)
	}
	seen := map[string]bool{}
	for _, name := range []string{fits + "x", fits + "y", long, long + "x"} {
		got := short(nameToken(name))
		if len(got) != maxToken || !strings.Contains(got, "==") || seen[got] {
			t.Errorf("%d bytes, taken %v: %s", len(got), seen[got], got)
		}
		seen[got] = true
	}
}

// FuzzTokens: every text makes one valid token, and the text can be had back,
// so different texts make different tokens.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"", "=", "==", "=2E", "10.0.0.1:8080", "[::1]:80", "a_b", "a/b", "unix:/x", "\x00\xff", " .*>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, one := range map[string]struct {
			token   string
			inverse func(byte) byte
		}{
			"peer":  {peerToken(text), unpeer},
			"actor": {actorToken(text), unactor},
			"name":  {nameToken(text), unname},
		} {
			if one.token == "" || strings.ContainsAny(one.token, ". *>\t\r\n\x00") {
				t.Errorf("%s: %q is no token of a subject", name, one.token)
			}
			back, err := untoken(one.token, one.inverse)
			if err != nil || back != text {
				t.Errorf("%s: %q became %q became %q, %v", name, text, one.token, back, err)
			}
		}
	})
}
