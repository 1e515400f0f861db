package bus_test

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/actortest"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/internal/natstest"
)

// external starts a bus of an external NATS and closes it when the test ends.
func external(t *testing.T, url string, change func(*bus.Config)) *bus.Bus {
	t.Helper()
	cfg := bus.Config{URL: url, Member: "a", Logger: quiet()}
	if change != nil {
		change(&cfg)
	}
	b, err := bus.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, b) })
	return b
}

// problem waits until a problem has all of the words.
func problem(t *testing.T, b *bus.Bus, words ...string) string {
	t.Helper()
	found := ""
	actortest.Eventually(t, "a problem with "+strings.Join(words, ", "), func() bool {
		for _, p := range b.Problems() {
			all := true
			for _, word := range words {
				all = all && strings.Contains(p, word)
			}
			if all {
				found = p
				return true
			}
		}
		return false
	})
	return found
}

// well waits until there is no problem.
func well(t *testing.T, b *bus.Bus) {
	t.Helper()
	actortest.Eventually(t, "the end of all problems", func() bool { return len(b.Problems()) == 0 && b.StoreReady() })
}

// restart restarts the server of b and waits until b uses it again.
func restart(t *testing.T, s *natstest.Server, b *bus.Bus) {
	t.Helper()
	before := metric(b, "weir_nats_reconnects_total")
	s.Restart()
	actortest.Eventually(t, "the connection to come back", func() bool { return metric(b, "weir_nats_reconnects_total") > before && b.StoreReady() })
}

// metric returns the value of a metric; -1 without.
func metric(b *bus.Bus, name string) float64 {
	value := -1.0
	b.Collect(func(s meter.Sample) {
		if s.Name == name {
			value = s.Value
		}
	})
	return value
}

func TestAnExternalNATSMayComeLater(t *testing.T) {
	s := natstest.Prepare(t, nil)
	b := external(t, s.URL(), nil)
	problem(t, b, s.URL(), "not reachable: connection refused", "events wait")
	if err := b.Publish("weir.evt.x", nil, nil); !errors.Is(err, bus.ErrNotConnected) {
		t.Errorf("publish: %v", err)
	}
	if err := b.Store("weir.evt.x", nil, nil, func(bool, error) {}); !errors.Is(err, bus.ErrNotConnected) {
		t.Errorf("store: %v", err)
	}
	if b.Connected() || b.StoreReady() || b.Addr() != "" || b.ClientURL() != s.URL() {
		t.Errorf("connected %v, ready %v, addr %q, url %q", b.Connected(), b.StoreReady(), b.Addr(), b.ClientURL())
	}
	s.Restart()
	well(t, b)
	store(t, b, "weir.evt.x", "1")
	s.Stop()
	problem(t, b, "not reachable")
	s.Restart()
	well(t, b)
}

func TestAProblemIsLoggedOncePerReason(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var knocks atomic.Int32
	go func() { // hangs up on everybody, until it is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
			knocks.Add(1)
		}
	}()
	defer l.Close()
	var log lockedBuffer
	b := external(t, l.Addr().String(), func(c *bus.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	problem(t, b, "nats://"+l.Addr().String(), "not reachable")
	actortest.Eventually(t, "some attempts", func() bool { return knocks.Load() > 10 })
	lines := map[string]bool{}
	for line := range strings.Lines(log.String()) {
		_, text, _ := strings.Cut(line, "level=")
		if lines[text] {
			t.Errorf("logged again: %s", text)
		}
		lines[text] = true
	}
	if len(lines) == 0 || len(b.Problems()) != 1 {
		t.Errorf("%d lines, problems %q", len(lines), b.Problems())
	}
}

const secret = "a-secret-of-tests"

// doorkeeper lets in who knows the password, and counts who knocked.
type doorkeeper struct {
	password atomic.Pointer[string]
	knocks   atomic.Int32
}

// Check implements server.Authentication.
func (d *doorkeeper) Check(c server.ClientAuthentication) bool {
	d.knocks.Add(1)
	return c.GetOpts().Password == *d.password.Load()
}

func TestWrongCredentialsAreAProblemUntilTheyAreRight(t *testing.T) {
	var door doorkeeper
	other, right := "another", secret
	door.password.Store(&other)
	s := natstest.Start(t, func(o *server.Options) { o.CustomClientAuthentication = &door })
	var log lockedBuffer
	b := external(t, s.URL(), func(c *bus.Config) {
		c.Auth = bus.Auth{User: "weir", Password: secret}
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	problem(t, b, s.URL(), "refuses weir's credentials", "events wait")
	actortest.Eventually(t, "some attempts", func() bool { return door.knocks.Load() > 4 })
	door.password.Store(&right)
	well(t, b)
	if n := strings.Count(log.String(), "refuses weir's credentials"); n != 1 {
		t.Errorf("it was logged %d times, want once:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the password is in the log:\n%s", log.String())
	}
}

func TestTheReasonOfAProblemChangesWithIt(t *testing.T) {
	password := "another"
	s := natstest.Prepare(t, func(o *server.Options) { o.Username, o.Password = "weir", password })
	var log lockedBuffer
	b := external(t, s.URL(), func(c *bus.Config) {
		c.Auth = bus.Auth{User: "weir", Password: secret}
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 2 { // before the first connection, and after it
		problem(t, b, "connection refused")
		s.Restart()
		problem(t, b, "refuses weir's credentials")
		s.Stop()
		problem(t, b, "connection refused")
		password = secret
		s.Restart()
		well(t, b)
		s.Stop()
		password = "another"
	}
	if strings.Contains(log.String(), "nats error") {
		t.Errorf("it is logged besides:\n%s", log.String())
	}
}

func TestASecretInTheURLStaysSecret(t *testing.T) {
	for _, user := range []string{secret, "weir:" + secret} {
		s := natstest.Prepare(t, func(o *server.Options) {
			if o.Authorization = user; user != secret {
				o.Authorization, o.Username, o.Password = "", "weir", secret
			}
		})
		var log lockedBuffer
		b := external(t, "nats://"+user+"@"+s.Addr(), func(c *bus.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		told := problem(t, b, s.URL())
		s.Restart()
		well(t, b)
		for _, text := range []string{told, log.String(), b.ClientURL()} {
			if strings.Contains(text, secret) {
				t.Errorf("the secret is in %q", text)
			}
		}
	}
}

func TestWhichExternalSettingsAreRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty"), "")
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, test := range map[string]struct {
		cfg   bus.Config
		words []string
	}{
		"an address to listen at":         {bus.Config{URL: "nats://h", Addr: "127.0.0.1:0"}, []string{"exclude each other"}},
		"an open one":                     {bus.Config{URL: "nats://h", Open: true}, []string{"cannot be opened"}},
		"limits of the store":             {bus.Config{URL: "nats://h", MaxStore: 1}, []string{"limits of its own"}},
		"two ways to say who it is":       {bus.Config{URL: "nats://u:" + secret + "@h", Auth: bus.Auth{Creds: file("empty")}}, []string{"a user in the url and a creds file"}},
		"a user without a password":       {bus.Config{URL: "nats://h", Auth: bus.Auth{User: "u"}}, []string{"go together"}},
		"a creds file that is not there":  {bus.Config{URL: "nats://h", Auth: bus.Auth{Creds: file("none")}}, []string{"creds", file("none")}},
		"a creds file that is none":       {bus.Config{URL: "nats://h", Auth: bus.Auth{Creds: file("empty")}}, []string{file("empty"), "USER JWT"}},
		"an nkey file that is none":       {bus.Config{URL: "nats://h", Auth: bus.Auth{NKey: file("empty")}}, []string{"nkey", file("empty")}},
		"a CA file that is none":          {bus.Config{URL: "nats://h", TLS: bus.TLS{CA: file("empty")}}, []string{"ca", file("empty")}},
		"a certificate without a key":     {bus.Config{URL: "nats://h", TLS: bus.TLS{Cert: file("empty")}}, []string{"go together"}},
		"a URL of something else":         {bus.Config{URL: "http://" + secret + "@h"}, []string{"http://", "nats://"}},
		"a URL that is none":              {bus.Config{URL: "nats://" + secret + "@h:x"}, []string{"server 1"}},
		"a second URL that is none":       {bus.Config{URL: "nats://h,nats://"}, []string{"server 2", "no host"}},
		"a URL with a path":               {bus.Config{URL: "nats://h/x"}, []string{"more than host and port"}},
		"embedded with credentials":       {bus.Config{Dir: dir, Auth: bus.Auth{User: "u", Password: secret}}, []string{"no url"}},
		"embedded with TLS files":         {bus.Config{Dir: dir, TLS: bus.TLS{CA: "x"}}, []string{"no url"}},
		"embedded with replicas":          {bus.Config{Dir: dir, Events: bus.Events{Replicas: 3}}, []string{"replicas"}},
		"events that do not fit in":       {bus.Config{Dir: dir, MaxStore: 1 << 20}, []string{"max_bytes", "1048576"}},
		"events of no time":               {bus.Config{Dir: dir, Events: bus.Events{MaxAge: 1}}, []string{"max_age"}},
		"events of no size":               {bus.Config{Dir: dir, Events: bus.Events{MaxBytes: 1}}, []string{"max_bytes"}},
		"a window beyond the age":         {bus.Config{Dir: dir, Events: bus.Events{Duplicates: 1 << 62}}, []string{"duplicates"}},
		"a prefix that belongs to others": {bus.Config{Dir: dir, Prefix: "_INBOX"}, []string{"_INBOX"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.Member, test.cfg.Logger = "a", quiet()
			b, err := bus.Start(test.cfg)
			if err == nil {
				stop(t, b)
			}
			if !errors.Is(err, bus.ErrConfig) {
				t.Fatalf("got %v, want %v", err, bus.ErrConfig)
			}
			mentions(t, err, test.words...)
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
