package destination

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// check reads what a Find came to.
func check(t *testing.T, what string, got <-chan result, want string, wantErr error) {
	t.Helper()
	select {
	case r := <-got:
		if r.to != want || !errors.Is(r.err, wantErr) {
			t.Errorf("%s: got %q, %v; want %q, %v", what, r.to, r.err, want, wantErr)
		}
	default:
		t.Errorf("%s: still waits", what)
	}
}

// waits fails the test when a Find is over.
func waits(t *testing.T, what string, got <-chan result) {
	t.Helper()
	select {
	case r := <-got:
		t.Errorf("%s: got %q, %v; want it to wait", what, r.to, r.err)
	default:
	}
}

func TestLookupsOfOneNameAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		d.set("a.test", "8.8.8.8", time.Minute, nil)
		f := newFinder(t, d, nil)
		release := d.stall()
		var all []<-chan result
		for i := range 50 {
			host := []string{"a.test", "A.test.", "a.test:81"}[i%3]
			all = append(all, findLater(t.Context(), f, mustAuthority(t, host)))
		}
		synctest.Wait()
		if got, want := f.Stats(), (Stats{Lookups: 1}); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
		release()
		synctest.Wait()
		for i, got := range all {
			check(t, fmt.Sprint("request ", i), got, []string{"8.8.8.8:80", "8.8.8.8:80", "8.8.8.8:81"}[i%3], nil)
		}
		if n := d.lookups("a.test"); n != 1 {
			t.Errorf("looked up %d times; want once", n)
		}
		if got, want := f.Stats(), (Stats{Names: 1}); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
	})
}

func TestWhoGoesEndsOnlyHisOwnWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		d.set("a.test", "8.8.8.8", time.Minute, nil)
		d.set("b.test", "8.8.4.4", time.Minute, nil)
		f := newFinder(t, d, nil)
		release := d.stall()
		first, cancel := context.WithCancel(t.Context())
		goes, stays := findLater(first, f, mustAuthority(t, "a.test")), findLater(t.Context(), f, mustAuthority(t, "a.test"))
		second, cancelSecond := context.WithTimeout(t.Context(), time.Second)
		defer cancelSecond()
		alone := findLater(second, f, mustAuthority(t, "b.test"))
		synctest.Wait()
		cancel()
		synctest.Wait()
		check(t, "who goes", goes, "", context.Canceled)
		waits(t, "who stays", stays)
		time.Sleep(time.Second)
		synctest.Wait()
		check(t, "whose time is up", alone, "", context.DeadlineExceeded)
		release()
		synctest.Wait()
		check(t, "who stays", stays, "8.8.8.8:80", nil)
		if got := found(t, f, "b.test"); got != "8.8.4.4:80" || d.lookups("b.test") != 1 {
			t.Errorf("got %q after %d lookups; want the answer of the one that nobody waited for", got, d.lookups("b.test"))
		}
	})
}

func TestNothingIsLookedUpForARequestThatIsOver(t *testing.T) {
	d := newFakeDNS()
	f := newFinder(t, d, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Find(ctx, mustAuthority(t, "a.test"))
	f.Close() // waits for a lookup that may have begun
	if !errors.Is(err, context.Canceled) || d.lookups("a.test") != 0 {
		t.Errorf("got %v and %d lookups; want %v and none", err, d.lookups("a.test"), context.Canceled)
	}
}

func TestLookupsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		for i := range 10 {
			d.set(fmt.Sprintf("h%d.test", i), fmt.Sprintf("8.8.8.%d", i), time.Minute, nil)
		}
		f := newFinder(t, d, func(c *Config) { c.MaxLookups, c.MaxQueue = 3, 4 })
		release := d.stall()
		var all []<-chan result
		for i := range 10 {
			all = append(all, findLater(t.Context(), f, mustAuthority(t, fmt.Sprintf("h%d.test", i))))
			synctest.Wait()
		}
		joins := findLater(t.Context(), f, mustAuthority(t, "h6.test")) // is queued already
		synctest.Wait()
		if got, want := f.Stats(), (Stats{Lookups: 3, Queued: 4}); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
		for i := 7; i < 10; i++ {
			check(t, fmt.Sprint("beyond the bound: ", i), all[i], "", ErrBusy)
		}
		release()
		synctest.Wait()
		for i := range 7 {
			check(t, fmt.Sprint("request ", i), all[i], fmt.Sprintf("8.8.8.%d:80", i), nil)
		}
		check(t, "who joined", joins, "8.8.8.6:80", nil)
		if got, want := f.Stats(), (Stats{Names: 7}); got != want {
			t.Errorf("got %+v; want %+v: being busy is not remembered", got, want)
		}
		if got := found(t, f, "h9.test"); got != "8.8.8.9:80" {
			t.Errorf("got %q afterwards; want 8.8.8.9:80", got)
		}
	})
}

func TestTheQueueEmptiesWhenItsRequestsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		d.set("c.test", "8.8.8.8", time.Minute, nil)
		f := newFinder(t, d, func(c *Config) { c.MaxLookups, c.MaxQueue = 1, 1 })
		release := d.stall()
		findLater(t.Context(), f, mustAuthority(t, "a.test"))
		synctest.Wait()
		for _, host := range []string{"b.test", "c.test"} {
			first, cancelFirst := context.WithCancel(t.Context())
			second, cancelSecond := context.WithCancel(t.Context())
			one, two := findLater(first, f, mustAuthority(t, host)), findLater(second, f, mustAuthority(t, host))
			for _, step := range []struct {
				cancel context.CancelFunc
				queued int
			}{{func() {}, 1}, {cancelFirst, 1}, {cancelSecond, 0}} {
				step.cancel()
				synctest.Wait()
				if got, want := f.Stats(), (Stats{Lookups: 1, Queued: step.queued}); got != want {
					t.Errorf("%s: got %+v; want %+v", host, got, want)
				}
			}
			check(t, "one", one, "", context.Canceled)
			check(t, "two", two, "", context.Canceled)
		}
		comesBack := findLater(t.Context(), f, mustAuthority(t, "c.test"))
		synctest.Wait()
		release()
		synctest.Wait()
		check(t, "who comes back", comesBack, "8.8.8.8:80", nil)
		if n := d.lookups("b.test"); n != 0 {
			t.Errorf("looked up %d times for nobody; want never", n)
		}
	})
}

func TestALookupHasItsOwnLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		f := newFinder(t, d, func(c *Config) { c.MaxLookups, c.LookupTimeout = 1, 2*time.Second })
		defer d.stall()()
		start := time.Now()
		first := findLater(t.Context(), f, mustAuthority(t, "a.test"))
		synctest.Wait()
		time.Sleep(time.Second)
		second := findLater(t.Context(), f, mustAuthority(t, "b.test"))
		synctest.Wait()
		third := findLater(t.Context(), f, mustAuthority(t, "c.test"))
		synctest.Wait()
		if r := <-first; !errors.Is(r.err, ErrLookup) || time.Since(start) != 2*time.Second {
			t.Errorf("got %v after %v; want %v after 2s", r.err, time.Since(start), ErrLookup)
		}
		// The second's lookup began then; the third's does not in its time.
		if r := <-third; !errors.Is(r.err, ErrBusy) || time.Since(start) != 3*time.Second {
			t.Errorf("in the queue: got %v after %v; want %v after 3s", r.err, time.Since(start), ErrBusy)
		}
		if r := <-second; !errors.Is(r.err, ErrLookup) || time.Since(start) != 4*time.Second {
			t.Errorf("got %v after %v; want %v after 4s", r.err, time.Since(start), ErrLookup)
		}
	})
}

func TestStaleWhenTooManyLookupsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		d.set("a.test", "8.8.8.8", time.Second, nil)
		f := newFinder(t, d, func(c *Config) { c.MaxLookups, c.MaxQueue = 1, 1 })
		found(t, f, "a.test")
		time.Sleep(time.Second)
		defer d.stall()()
		findLater(t.Context(), f, mustAuthority(t, "b.test"))
		findLater(t.Context(), f, mustAuthority(t, "c.test"))
		synctest.Wait()
		start := time.Now()
		if got := found(t, f, "a.test"); got != "8.8.8.8:80" || time.Since(start) != 0 {
			t.Errorf("got %q after %v; want 8.8.8.8:80 at once", got, time.Since(start))
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDNS()
		d.set("known.test", "8.8.8.8", time.Minute, nil)
		f := newFinder(t, d, func(c *Config) { c.MaxLookups = 1 })
		before, err := find(t, f, "known.test")
		if err != nil {
			t.Fatal(err)
		}
		defer d.stall()()
		runs := findLater(t.Context(), f, mustAuthority(t, "a.test"))
		synctest.Wait()
		queued := findLater(t.Context(), f, mustAuthority(t, "b.test"))
		synctest.Wait()
		start := time.Now()
		f.Close()
		if got, want := f.Stats(), (Stats{Names: 1}); got != want || time.Since(start) != 0 {
			t.Errorf("got %+v %v after Close; want %+v at once", got, time.Since(start), want)
		}
		synctest.Wait()
		check(t, "whose lookup ran", runs, "", ErrClosed)
		check(t, "whose lookup was queued", queued, "", ErrClosed)
		if n := d.lookups("b.test"); n != 0 {
			t.Errorf("what was queued was looked up %d times; want never", n)
		}
		for _, host := range []string{"known.test", "c.test"} {
			if _, err := find(t, f, host); !errors.Is(err, ErrClosed) {
				t.Errorf("%s: got %v afterwards; want %v", host, err, ErrClosed)
			}
		}
		if got := rest(&before); got != "8.8.8.8:80" {
			t.Errorf("what was found before is at %q; want 8.8.8.8:80", got)
		}
		f.Close() // again
	})
}

// A codec's strings may be of memory that the next request writes to.
func TestNamesOutliveTheirRequest(t *testing.T) {
	asked := make(chan string, 1)
	f, err := New(Config{Rules: NewRules(mustPatterns(t, "*"), false), Lookup: func(_ context.Context, name string) ([]netip.Addr, time.Duration, error) {
		asked <- name
		return []netip.Addr{netip.MustParseAddr("8.8.8.8")}, time.Minute, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buffer := []byte("first.test")
	a := mustAuthority(t, alias(buffer))
	if _, err := f.Find(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "other.test")
	if got := <-asked; got != "first.test" {
		t.Errorf("asked for %q; want first.test", got)
	}
	if _, err := find(t, f, "first.test"); err != nil || len(asked) != 0 {
		t.Errorf("got %v and another lookup; want the name to be known", err)
	}
}
