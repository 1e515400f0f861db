package destination

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// Everything at once, for the race detector: no address that is forbidden gets
// out, and after Close nothing is left.
func TestEverythingAtOnce(t *testing.T) {
	patterns := mustPatterns(t, "*")
	evil, good := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("8.8.8.8")
	f, err := New(Config{
		Rules: NewRules(patterns, false), MaxNames: 20, MaxLookups: 3, MaxQueue: 5,
		Lookup: func(_ context.Context, name string) ([]netip.Addr, time.Duration, error) {
			switch name[1] % 4 {
			case 0:
				return nil, 0, ErrNotFound
			case 1:
				return nil, 0, errors.New("SERVFAIL")
			}
			return []netip.Addr{evil, good}, time.Second, nil
		},
		Own: func(at netip.AddrPort) bool { return at.Port() == 443 },
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 2000 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 0 {
					go cancel()
				}
				a, _ := ParseAuthority(fmt.Sprintf("h%d.test", (i*7+w)%40), uint16(80+363*(i%2)))
				got, err := f.Find(ctx, a)
				if to, ok := got.Next(); ok != (err == nil) || ok && (to.Addr() != good || to.Port() != 80) {
					t.Errorf("%v: got %v, %v", a, to, err)
				}
				cancel()
				if i%100 == w {
					f.Use(NewRules(patterns, false))
					f.Stats()
				}
				if w == 0 && i == 1500 {
					f.Close()
				}
			}
		})
	}
	all.Wait()
	f.Close()
	if got := f.Stats(); got.Lookups != 0 || got.Queued != 0 || got.Names > 20 {
		t.Errorf("got %+v after Close; want no lookup and at most 20 names", got)
	}
}
