package destination

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// How long answers are used.
const (
	minTTL       = time.Second     // however short the TTL
	maxTTL       = 5 * time.Minute // however long
	maxAbsence   = 5 * time.Second // of a name that does not exist; also when no TTL is told
	failurePause = time.Second     // between lookups of a name that fail
	// maxStale is how long after the end of its TTL an answer is used while lookups fail.
	maxStale = 5 * time.Minute
	// stalePatience is how long a request waits for a new answer while there is an
	// old one. After RFC 8767, 5, which has 1.8 s for people who wait at a screen.
	stalePatience = time.Second
)

// Config is what a Finder is made of.
type Config struct {
	// Rules say which hosts are allowed; nil allows none. Use changes them.
	Rules *Rules
	// Lookup returns the addresses of a name, those of the preferred family first, and
	// how long they hold (clamped to 1 s to 5 min). Required. The name is in lower
	// case, without a dot at its end, and complete: a search list must not be applied
	// to it. An error that wraps ErrNotFound says that there is no such name, or no
	// address, for ttl (clamped to 1 s to 5 s; 0 = 5 s); no address and no error say the
	// same. Any other error is a failure. It must return soon after ctx ends.
	Lookup func(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error)
	// Own tells whether this weir listens at an address, for clients, operators or
	// members: requests never go there. It is asked for each request, from any
	// goroutine, so it must not block; and it has to know the addresses of the
	// machine when a listener is bound to all of them. nil = none is.
	Own func(netip.AddrPort) bool
	// MaxNames is how many names are remembered; 0 = 4096.
	MaxNames int
	// MaxLookups is how many lookups run at once; 0 = 64.
	MaxLookups int
	// MaxQueue is how many more names may wait for a lookup; 0 = 1024. Beyond is ErrBusy.
	MaxQueue int
	// LookupTimeout is how long one lookup takes at most, and how long a name waits
	// for its lookup to begin; 0 = 5 s.
	LookupTimeout time.Duration
}

// withDefaults returns c with its zeros filled in. The error is ErrBadConfig.
func (c Config) withDefaults() (Config, error) {
	if c.Lookup == nil {
		return c, fmt.Errorf("%w: Lookup is nil", ErrBadConfig)
	}
	for _, n := range []struct {
		name  string
		value *int
		usual int
	}{{"MaxNames", &c.MaxNames, 4096}, {"MaxLookups", &c.MaxLookups, 64}, {"MaxQueue", &c.MaxQueue, 1024}} {
		if *n.value < 0 {
			return c, fmt.Errorf("%w: %s is %d; want 1 or more, or 0 for %d", ErrBadConfig, n.name, *n.value, n.usual)
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	if c.LookupTimeout < 0 {
		return c, fmt.Errorf("%w: LookupTimeout is %v; want more than 0, or 0 for 5s", ErrBadConfig, c.LookupTimeout)
	}
	if c.LookupTimeout == 0 {
		c.LookupTimeout = 5 * time.Second
	}
	return c, nil
}
