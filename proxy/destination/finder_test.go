package destination

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestFind(t *testing.T) {
	d := newFakeDNS()
	d.set("one.test", "8.8.8.8", time.Minute, nil)
	d.set("mixed.test", "127.0.0.1 8.8.8.8 10.0.0.1 169.254.169.254 ::ffff:8.8.4.4", time.Minute, nil)
	d.set("dual.test", "8.8.8.8 2600::1 8.8.4.4 2600::2", time.Minute, nil)
	d.set("six.test", "2600::1 8.8.8.8", time.Minute, nil)
	d.set("private.test", "10.0.0.1 fd00::1", time.Minute, nil)
	d.set("meta.test", "169.254.169.254", time.Minute, nil)
	d.set("own.test", "9.9.9.9", time.Minute, nil)
	d.set("half.test", "9.9.9.9 8.8.8.8", time.Minute, nil)
	d.set("nat64.test", "64:ff9b::9.9.9.9", time.Minute, nil)
	d.set("ownmeta.test", "169.254.169.254 9.9.9.9", time.Minute, nil)
	d.set("void.test", "", time.Minute, nil)
	d.set("zone.test", "fe80::1%eth0 2600::1%eth0", time.Minute, nil)
	d.set("broken.test", "8.8.8.8", time.Minute, errors.New("no answer"))
	own := func(at netip.AddrPort) bool { return at == netip.MustParseAddrPort("9.9.9.9:80") }

	for _, c := range []struct {
		host     string
		private  bool
		patterns string
		want     string
		err      error
		code     messages.Code
	}{
		{host: "one.test", want: "8.8.8.8:80"},
		{host: "ONE.test.:8443", want: "8.8.8.8:8443"},
		{host: "8.8.8.8:53", want: "8.8.8.8:53"},
		{host: "[::ffff:8.8.8.8]", want: "8.8.8.8:80"},
		{host: "[2600::1]", want: "[2600::1]:80"},
		{host: "mixed.test", want: "8.8.8.8:80 8.8.4.4:80"},
		{host: "mixed.test", private: true, want: "127.0.0.1:80 8.8.8.8:80 10.0.0.1:80 8.8.4.4:80"},
		{host: "dual.test", want: "8.8.8.8:80 8.8.4.4:80 [2600::1]:80 [2600::2]:80"},
		{host: "six.test", want: "[2600::1]:80 8.8.8.8:80"},
		{host: "private.test", err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "private.test", private: true, want: "10.0.0.1:80 [fd00::1]:80"},
		{host: "meta.test", private: true, err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "zone.test", private: true, err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "127.0.0.1", err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "127.0.0.1", private: true, want: "127.0.0.1:80"},
		{host: "[::ffff:127.0.0.1]", err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "169.254.169.254", private: true, err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "10.0.0.1", patterns: "10.0.0.0/8", err: ErrForbidden, code: messages.CodeAddressForbidden},
		{host: "own.test", err: ErrLoop, code: messages.CodeLoop},
		{host: "9.9.9.9", err: ErrLoop, code: messages.CodeLoop},
		{host: "[64:ff9b::9.9.9.9]", err: ErrLoop, code: messages.CodeLoop},
		{host: "nat64.test", err: ErrLoop, code: messages.CodeLoop},
		{host: "ownmeta.test", err: ErrLoop, code: messages.CodeLoop},
		{host: "own.test:81", want: "9.9.9.9:81"},
		{host: "half.test", want: "8.8.8.8:80"},
		{host: "void.test", err: ErrNotFound, code: messages.CodeHostNotFound},
		{host: "no.test", err: ErrNotFound, code: messages.CodeHostNotFound},
		{host: "broken.test", err: ErrLookup, code: messages.CodeLookupFailed},
		{host: "one.test", patterns: "two.test", err: ErrNotAllowed, code: messages.CodeHostNotAllowed},
		{host: "one.test:81", patterns: "*", err: ErrNotAllowed, code: messages.CodeHostNotAllowed},
		{host: "8.8.8.8", patterns: "*.test", err: ErrNotAllowed, code: messages.CodeHostNotAllowed},
	} {
		name := fmt.Sprintf("%s, private %t, %s", c.host, c.private, c.patterns)
		t.Run(name, func(t *testing.T) {
			if c.patterns == "" {
				c.patterns = "*:*"
			}
			f := newFinder(t, d, func(config *Config) {
				config.Rules, config.Own = NewRules(mustPatterns(t, c.patterns), c.private), own
			})
			for range 2 { // looked up, and remembered
				got, err := find(t, f, c.host)
				if !errors.Is(err, c.err) || c.err != nil && Code(err) != c.code {
					t.Fatalf("got %v (%s); want %v (%s)", err, Code(err), c.err, c.code)
				}
				if all := rest(&got); sorted(all) != sorted(c.want) {
					t.Fatalf("got %q; want %q", all, c.want)
				}
			}
		})
	}
}

func TestFindOfTheZeroAuthority(t *testing.T) {
	f := newFinder(t, newFakeDNS(), nil)
	if _, err := f.Find(t.Context(), Authority{}); !errors.Is(err, ErrBadHost) {
		t.Errorf("got %v; want %v", err, ErrBadHost)
	}
}

// What is not allowed is not looked up: a name server of the client's choice would
// learn of it, and the answer could not matter.
func TestWhatIsNotAllowedIsNotLookedUp(t *testing.T) {
	d := newFakeDNS()
	f := newFinder(t, d, func(c *Config) { c.Rules = nil })
	if _, err := find(t, f, "a.test"); !errors.Is(err, ErrNotAllowed) {
		t.Fatalf("got %v; want %v", err, ErrNotAllowed)
	}
	if n := d.lookups("a.test"); n != 0 {
		t.Errorf("looked up %d times; want never", n)
	}
}

// A name server may answer with a public address first, and with an inner one
// when it is asked again (DNS rebinding).
func TestRebinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		f := newFinder(t, d, nil)
		d.set("evil.test", "8.8.8.8", 0, nil)
		first, err := find(t, f, "evil.test")
		if err != nil {
			t.Fatal(err)
		}
		for _, second := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0", "64:ff9b::7f00:1"} {
			d.set("evil.test", second, 0, nil)
			time.Sleep(2 * time.Second) // the TTL ends
			if got, err := find(t, f, "evil.test"); !errors.Is(err, ErrForbidden) || rest(&got) != "" {
				t.Fatalf("%s: got %v; want %v", second, err, ErrForbidden)
			}
		}
		if got := rest(&first); got != "8.8.8.8:80" {
			t.Errorf("what was found before is at %q; want 8.8.8.8:80", got)
		}
	})
}

func TestUse(t *testing.T) {
	d := newFakeDNS()
	d.set("a.test", "10.0.0.1", time.Minute, nil)
	f := newFinder(t, d, nil)
	patterns := mustPatterns(t, "*")
	for _, c := range []struct {
		rules *Rules
		want  error
	}{{NewRules(patterns, false), ErrForbidden}, {NewRules(patterns, true), nil}, {NewRules(nil, true), ErrNotAllowed}, {nil, ErrNotAllowed}, {NewRules(patterns, false), ErrForbidden}} {
		f.Use(c.rules)
		if _, err := find(t, f, "a.test"); !errors.Is(err, c.want) {
			t.Errorf("got %v; want %v", err, c.want)
		}
	}
	if n := d.lookups("a.test"); n != 1 {
		t.Errorf("looked up %d times; want once", n)
	}
}

func TestRequestsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		d.set("a.test", "8.0.0.1 8.0.0.2 2600::1 8.0.0.3 2600::2", time.Second, nil)
		f := newFinder(t, d, nil)
		var got []string
		for range 6 {
			got = append(got, found(t, f, "a.test"))
			time.Sleep(time.Second) // each is looked up anew, and the turns go on
		}
		want := []string{
			"8.0.0.1:80 8.0.0.2:80 8.0.0.3:80 [2600::1]:80 [2600::2]:80",
			"8.0.0.2:80 8.0.0.3:80 8.0.0.1:80 [2600::2]:80 [2600::1]:80",
			"8.0.0.3:80 8.0.0.1:80 8.0.0.2:80 [2600::1]:80 [2600::2]:80",
			"8.0.0.1:80 8.0.0.2:80 8.0.0.3:80 [2600::2]:80 [2600::1]:80",
			"8.0.0.2:80 8.0.0.3:80 8.0.0.1:80 [2600::1]:80 [2600::2]:80",
			"8.0.0.3:80 8.0.0.1:80 8.0.0.2:80 [2600::2]:80 [2600::1]:80",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAddressesOfANameAreBounded(t *testing.T) {
	d := newFakeDNS()
	var addrs []string
	for i := range 1000 {
		addrs = append(addrs, fmt.Sprintf("127.0.%d.%d", i/250, i%250), fmt.Sprintf("8.0.%d.%d", i/250, i%250))
	}
	d.set("a.test", strings.Join(addrs, " "), time.Minute, nil)
	f := newFinder(t, d, nil)
	for _, private := range []bool{false, true} {
		f.Use(NewRules(mustPatterns(t, "*"), private))
		if n := len(strings.Fields(found(t, f, "a.test"))); n != maxAddrs {
			t.Errorf("with allow_private %t: got %d addresses; want %d", private, n, maxAddrs)
		}
	}
}

func TestNewRefusesABadConfig(t *testing.T) {
	lookup := newFakeDNS().lookup
	for _, c := range []Config{{}, {Lookup: lookup, MaxNames: -1}, {Lookup: lookup, MaxLookups: -1}, {Lookup: lookup, MaxQueue: -1}, {Lookup: lookup, LookupTimeout: -1}} {
		if _, err := New(c); !errors.Is(err, ErrBadConfig) {
			t.Errorf("%+v: got %v; want %v", c, err, ErrBadConfig)
		}
	}
}

func TestCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want messages.Code
	}{
		{nil, messages.CodeOK}, {ErrBadHost, messages.CodeBadRequest}, {ErrBusy, messages.CodeLookupFailed}, {ErrClosed, messages.CodeLookupFailed},
		{fmt.Errorf("%w: %w", ErrLookup, context.DeadlineExceeded), messages.CodeLookupFailed},
		{context.DeadlineExceeded, messages.CodeTimeout}, {context.Canceled, messages.CodeClientGone}, {errors.New("other"), messages.CodeInternal},
	} {
		if got := Code(c.err); got != c.want {
			t.Errorf("%v: got %s; want %s", c.err, got, c.want)
		}
	}
}
