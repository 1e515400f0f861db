package destination

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// fakeDNS is name servers: a name has the answer that was set last.
type fakeDNS struct {
	mu      sync.Mutex
	answers map[string]fakeAnswer
	asked   []string
	// entered gets the name of each lookup that begins, if it is not nil.
	entered chan string
	// block keeps lookups until it is closed or their context ends, if it is not nil.
	block chan struct{}
}

type fakeAnswer struct {
	addrs string
	ttl   time.Duration
	err   error
}

func newFakeDNS() *fakeDNS { return &fakeDNS{answers: map[string]fakeAnswer{}} }

func (d *fakeDNS) set(name, addrs string, ttl time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[name] = fakeAnswer{addrs, ttl, err}
}

func (d *fakeDNS) lookup(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	d.mu.Lock()
	d.asked = append(d.asked, name)
	entered, block := d.entered, d.block
	d.mu.Unlock()
	if entered != nil {
		entered <- name
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.answers[name]
	if !ok {
		return nil, 0, fmt.Errorf("%w: no such name", ErrNotFound)
	}
	var addrs []netip.Addr
	for text := range strings.FieldsSeq(a.addrs) {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, a.ttl, a.err
}

// stall makes all lookups from now on wait until the returned func is called.
func (d *fakeDNS) stall() (release func()) {
	block := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.block = block
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		close(block)
		d.block = nil
	}
}

// lookups returns how often a name was looked up.
func (d *fakeDNS) lookups(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, asked := range d.asked {
		if asked == name {
			n++
		}
	}
	return n
}

// newFinder returns a Finder that asks d and allows everything public, at all
// ports, unless edit says otherwise.
func newFinder(t testing.TB, d *fakeDNS, edit func(*Config)) *Finder {
	t.Helper()
	config := Config{Rules: NewRules(mustPatterns(t, "*:*"), false), Lookup: d.lookup}
	if edit != nil {
		edit(&config)
	}
	f, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func find(t testing.TB, f *Finder, host string) (Found, error) {
	t.Helper()
	return f.Find(t.Context(), mustAuthority(t, host))
}

// found returns all addresses of host in the order in which they are handed out.
func found(t testing.TB, f *Finder, host string) string {
	t.Helper()
	got, err := find(t, f, host)
	if err != nil {
		t.Fatalf("find %s: %v", host, err)
	}
	return rest(&got)
}

// rest returns what Next has left.
func rest(f *Found) string {
	var all []string
	for to, ok := f.Next(); ok; to, ok = f.Next() {
		all = append(all, to.String())
	}
	return strings.Join(all, " ")
}

// result is what a Find in another goroutine came to.
type result struct {
	to  string
	err error
}

// findLater calls Find in another goroutine.
func findLater(ctx context.Context, f *Finder, a Authority) <-chan result {
	done := make(chan result, 1)
	go func() {
		got, err := f.Find(ctx, a)
		done <- result{rest(&got), err}
	}()
	return done
}

// sorted returns the words of text in order.
func sorted(text string) string { return strings.Join(slices.Sorted(strings.FieldsSeq(text)), " ") }

// alias returns a string of the memory of b.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
