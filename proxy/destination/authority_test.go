package destination

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAuthority(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	name253 := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61)
	for _, c := range []struct{ text, want string }{
		{"example.com", "example.com:80"},
		{"example.com:8443", "example.com:8443"},
		{"EXAMPLE.Com.", "example.com:80"},
		{"example.com.:81", "example.com:81"},
		{"localhost", "localhost:80"},
		{"my_app.example.com", "my_app.example.com:80"},
		{"xn--mnchen-3ya.de", "xn--mnchen-3ya.de:80"},
		{"r3---sn-4g5e6nsz.example.com", "r3---sn-4g5e6nsz.example.com:80"},
		{"1.example.com", "1.example.com:80"},
		{"0x7f.example.com", "0x7f.example.com:80"},
		{"3com", "3com:80"},
		{"dead.beef", "dead.beef:80"},
		{"a:1", "a:1"},
		{"a:65535", "a:65535"},
		{label63, label63 + ":80"},
		{name253, name253 + ":80"},
		{name253 + ".", name253 + ":80"},
		{"192.0.2.1", "192.0.2.1:80"},
		{"255.255.255.255:443", "255.255.255.255:443"},
		{"[2001:DB8::1]", "[2001:db8::1]:80"},
		{"[2001:db8:0:0:0:0:0:1]:8080", "[2001:db8::1]:8080"},
		{"[::ffff:127.0.0.1]", "127.0.0.1:80"},
		{"[::ffff:7f00:1]:81", "127.0.0.1:81"},
		{"[::127.0.0.1]", "[::7f00:1]:80"},
	} {
		t.Run("takes "+c.text, func(t *testing.T) {
			a, err := ParseAuthority(c.text, 80)
			if err != nil || a.String() != c.want {
				t.Fatalf("got %v, %v; want %s", a, err, c.want)
			}
		})
	}
}

func TestParseAuthorityRefuses(t *testing.T) {
	for _, text := range []string{
		"", ".", "..", ":", ":80", "a..b", ".a", "a..", "..a",
		// Forms of 127.0.0.1 that C libraries know, and some that they do not.
		"127.1", "127.0.1", "0x7f.1", "0x7f000001", "0X7F000001", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.0x1",
		"127.000.000.001", "127.0.0.1.", "127.1.", "0x7f.1.", "1", "0", "0x", "0x.", "1.2.3.4.5", "256.0.0.1", "127.0.0.01",
		"a.1", "example.0x1", "example.0xg", "1.2.3", "+127.0.0.1", "127.0.0.-1", "127.0.0.1a:", "00000127.0.0.1",
		// User information, paths, spaces, control bytes, escapes.
		"user@example.com", "user:pw@example.com", "example.com/", "example.com/a", "example.com?a", "example.com#a", `example.com\a`,
		" example.com", "example.com ", "example .com", "example.com\t", "example.com\r\n", "example.com\x00", "\x7f", "a,b", "a;b", "a%2eb",
		"%31", "a*b", "*", "*.example.com", "a=b", "a!b", "(a)", "a'b", `"a"`, "a~b", "http://example.com", "//example.com",
		// Bytes beyond ASCII: full-width digits and dots are a resolver's choice elsewhere.
		"münchen.de", "１２７.０.０.１", "127。0。0。1", "ⓔxample.com", "example.com\xff", "\u212aelvin.com", // the Kelvin sign is a k in lower case
		"-a.com", "a-.com", "a.-com", "a.com-", "-",
		strings.Repeat("a", 64), strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 126) + "aa",
		strings.Repeat("a", 1<<16),
		"a:", "a:0", "a:00", "a:080", "a:65536", "a:99999", "a:100000", "a:-1", "a:+1", "a:8 0", "a: 80", "a:80 ", "a:80:80", "a:http", "a:0x50",
		"a:1e3", "a:８０", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:80:80",
		"::1", "2001:db8::1", "[", "]", "[]", "[]:80", "[:]", "[::1", "::1]", "[::1]]", "[[::1]]", "[::1]x", "[::1]80", "[::1]:", "[::1]:0", "[::1]:080",
		"[::1%eth0]", "[fe80::1%25eth0]", "[::1%]", "[127.0.0.1]", "[example.com]", "[v1.x]", "[::g]", "[1::2::3]", "[::1 ]", "[::ffff:127.1]", "[::ffff:0177.0.0.1]",
		"a[::1]", "[::1].com", "[::1].", "a]:80",
	} {
		t.Run("refuses "+quote(text), func(t *testing.T) {
			a, err := ParseAuthority(text, 443)
			if !errors.Is(err, ErrBadHost) || a != (Authority{}) {
				t.Fatalf("got %v, %v; want %v", a, err, ErrBadHost)
			}
			if len(err.Error()) > 512 {
				t.Errorf("the error has %d bytes; want it short", len(err.Error()))
			}
		})
	}
	if a, err := ParseAuthority("example.com", 0); !errors.Is(err, ErrBadHost) {
		t.Errorf("without any port: got %v, %v; want %v", a, err, ErrBadHost)
	}
}

func TestParseAuthorityDoesNotAllocate(t *testing.T) {
	for _, text := range []string{"www.example.com:8443", "192.0.2.1:80", "[2001:db8::1]:443"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = ParseAuthority(text, 80) }); n != 0 {
			t.Errorf("%s: %v allocations; want none", text, n)
		}
	}
}
