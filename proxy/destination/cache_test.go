package destination

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersAreKeptForTheirTTL(t *testing.T) {
	failed := errors.New("SERVFAIL")
	for _, c := range []struct {
		name  string
		addrs string
		ttl   time.Duration
		err   error
		want  time.Duration
	}{
		{"a TTL as it is", "8.8.8.8", 30 * time.Second, nil, 30 * time.Second},
		{"a short TTL is made 1 s", "8.8.8.8", 0, nil, time.Second},
		{"a negative TTL is made 1 s", "8.8.8.8", -time.Hour, nil, time.Second},
		{"a long TTL is made 5 min", "8.8.8.8", 24 * time.Hour, nil, 5 * time.Minute},
		{"forbidden addresses like others", "127.0.0.1", 30 * time.Second, nil, 30 * time.Second},
		{"no such name for 5 s", "", 0, ErrNotFound, 5 * time.Second},
		{"no such name for a short TTL", "", 2 * time.Second, ErrNotFound, 2 * time.Second},
		{"no such name for at least 1 s", "", time.Millisecond, ErrNotFound, time.Second},
		{"no such name for at most 5 s", "", time.Hour, ErrNotFound, 5 * time.Second},
		{"no address like no such name", "", time.Hour, nil, 5 * time.Second},
		{"a failure for 1 s", "", time.Hour, failed, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newFakeDNS()
				d.set("a.test", c.addrs, c.ttl, c.err)
				f := newFinder(t, d, nil)
				_, first := find(t, f, "a.test")
				time.Sleep(c.want - 1)
				_, again := find(t, f, "a.test")
				if fmt.Sprint(again) != fmt.Sprint(first) || d.lookups("a.test") != 1 {
					t.Fatalf("got %v after %v and %d lookups; want the same after one", again, first, d.lookups("a.test"))
				}
				time.Sleep(time.Nanosecond)
				_, _ = find(t, f, "a.test")
				if n := d.lookups("a.test"); n != 2 {
					t.Errorf("%d lookups after %v; want 2", n, c.want)
				}
			})
		})
	}
}

func TestStaleOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		f := newFinder(t, d, nil)
		d.set("a.test", "8.8.8.8", 10*time.Second, nil)
		found(t, f, "a.test")
		d.set("a.test", "", 0, errors.New("SERVFAIL"))
		time.Sleep(10 * time.Second)
		if got := found(t, f, "a.test"); got != "8.8.8.8:80" {
			t.Errorf("got %q while lookups fail; want 8.8.8.8:80", got)
		}
		// Nobody waits for the lookups that follow, one a second at most.
		release := d.stall()
		for range 10 {
			start := time.Now()
			if got := found(t, f, "a.test"); got != "8.8.8.8:80" || time.Since(start) != 0 {
				t.Errorf("got %q after %v; want 8.8.8.8:80 at once", got, time.Since(start))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := d.lookups("a.test"); n != 2 {
			t.Errorf("%d lookups in the second after a failure; want 2 in all", n)
		}
		release()
		time.Sleep(maxStale - time.Second - 1)
		if got := found(t, f, "a.test"); got != "8.8.8.8:80" {
			t.Errorf("got %q at the end of the 5 min; want 8.8.8.8:80", got)
		}
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		if _, err := find(t, f, "a.test"); !errors.Is(err, ErrLookup) {
			t.Errorf("got %v after 5 min; want %v", err, ErrLookup)
		}
		d.set("a.test", "8.8.4.4", time.Minute, nil)
		time.Sleep(time.Second)
		if got := found(t, f, "a.test"); got != "8.8.4.4:80" {
			t.Errorf("got %q when lookups succeed again; want 8.8.4.4:80", got)
		}
	})
}

// After a failure is over, the end of a TTL is what it was before.
func TestFreshAgainAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		f := newFinder(t, d, nil)
		for _, step := range []struct {
			addrs string
			err   error
			want  string
		}{
			{"8.0.0.1", nil, "8.0.0.1:80"},
			{"", errors.New("SERVFAIL"), "8.0.0.1:80"},
			{"8.0.0.2", nil, "8.0.0.1:80"}, // nobody waits while lookups fail, but one is made
			{"8.0.0.3", nil, "8.0.0.3:80"},
			{"8.0.0.4", nil, "8.0.0.4:80"},
		} {
			d.set("a.test", step.addrs, time.Second, step.err)
			if got := found(t, f, "a.test"); got != step.want {
				t.Errorf("at %q: got %q; want %q", step.addrs, got, step.want)
			}
			synctest.Wait()
			time.Sleep(time.Second)
		}
		if n := d.lookups("a.test"); n != 5 {
			t.Errorf("looked up %d times; want 5", n)
		}
	})
}

func TestStaleWhileANameServerIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		f := newFinder(t, d, nil)
		d.set("a.test", "8.8.8.8", time.Second, nil)
		found(t, f, "a.test")
		time.Sleep(time.Second)
		defer d.stall()()
		start := time.Now()
		if got := found(t, f, "a.test"); got != "8.8.8.8:80" || time.Since(start) != stalePatience {
			t.Errorf("got %q after %v; want 8.8.8.8:80 after %v", got, time.Since(start), stalePatience)
		}
	})
}

func TestANameThatIsGoneIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		f := newFinder(t, d, nil)
		d.set("a.test", "8.8.8.8", time.Second, nil)
		found(t, f, "a.test")
		d.set("a.test", "", 0, ErrNotFound)
		time.Sleep(time.Second)
		if _, err := find(t, f, "a.test"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v; want %v", err, ErrNotFound)
		}
		d.set("a.test", "", 0, errors.New("SERVFAIL"))
		time.Sleep(maxAbsence)
		if _, err := find(t, f, "a.test"); !errors.Is(err, ErrLookup) {
			t.Errorf("got %v; want %v: the addresses are forgotten", err, ErrLookup)
		}
	})
}

// 100,000 hosts that nobody asks for again, some of which exist.
func TestTheCacheIsBounded(t *testing.T) {
	d := newFakeDNS()
	const hosts, most = 100_000, 500
	for i := 0; i < hosts; i += 3 {
		d.answers[fmt.Sprintf("h%d.test", i)] = fakeAnswer{addrs: "8.8.8.8", ttl: time.Hour}
	}
	d.set("often.test", "8.8.8.8", time.Hour, nil)
	f := newFinder(t, d, func(c *Config) { c.MaxNames = most })
	often := mustAuthority(t, "often.test")
	const workers = 8
	var all [workers]<-chan error
	for w := range workers {
		done := make(chan error, 1)
		all[w] = done
		go func() {
			for i := w; i < hosts; i += workers {
				a, _ := ParseAuthority(fmt.Sprintf("h%d.test", i), 80)
				_, err := f.Find(t.Context(), a)
				if exists := i%3 == 0; exists == (err != nil) {
					done <- fmt.Errorf("host %d: %w", i, err)
					return
				}
				if _, err := f.Find(t.Context(), often); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for _, done := range all {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	f.Close() // the goroutine of the last lookup may not have ended yet
	if got, want := f.Stats(), (Stats{Names: most}); got != want || len(f.cache.entries) != most || len(f.lookups.byName) != 0 {
		t.Errorf("got %+v, %d entries and %d lookups; want %+v", got, len(f.cache.entries), len(f.lookups.byName), want)
	}
	if n := d.lookups("often.test"); n != 1 {
		t.Errorf("the name that is used often was looked up %d times; want once", n)
	}
}

func TestAHitDoesNotAllocate(t *testing.T) {
	d := newFakeDNS()
	d.set("a.test", "8.8.8.8 8.8.4.4 2600::1", time.Hour, nil)
	f := newFinder(t, d, nil)
	found(t, f, "a.test")
	for _, host := range []string{"a.test", "8.8.8.8:443", "[2600::1]"} {
		a := mustAuthority(t, host)
		ctx := t.Context()
		if n := testing.AllocsPerRun(100, func() {
			got, err := f.Find(ctx, a)
			if _, ok := got.Next(); err != nil || !ok {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations; want none", host, n)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	d := newFakeDNS()
	d.set("a.test", "8.8.8.8 8.8.4.4 2600::1", time.Hour, nil)
	f := newFinder(b, d, func(c *Config) { c.Rules = NewRules(mustPatterns(b, "*.test", "*"), false) })
	for _, host := range []string{"a.test", "8.8.8.8", "[2600::1]"} {
		b.Run(host, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				a, err := ParseAuthority(host, 80)
				if err != nil {
					b.Fatal(err)
				}
				found, err := f.Find(ctx, a)
				if _, ok := found.Next(); err != nil || !ok {
					b.Fatal(err)
				}
			}
		})
	}
}
