package destination

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Finder finds the addresses of the destinations of one upstream.
type Finder struct {
	config Config
	rules  atomic.Pointer[Rules]

	ctx    context.Context // that of all lookups
	cancel context.CancelFunc
	done   sync.WaitGroup // the goroutines of lookups

	mu      sync.Mutex
	closed  bool
	cache   cache
	lookups lookups
}

// New returns a Finder that holds nothing yet. It is to be closed. The error is ErrBadConfig.
func New(config Config) (*Finder, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Finder{config: config, cache: newCache(config.MaxNames), lookups: newLookups()}
	f.rules.Store(config.Rules)
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

// Use changes the rules, for all calls of Find from now on. What is known of
// names stays: it does not depend on rules. Nil allows nothing.
func (f *Finder) Use(rules *Rules) { f.rules.Store(rules) }

// Find decides where a request for a goes. It waits for a lookup when the name is
// not known; the end of ctx ends the wait, and the error wraps that of ctx then.
// Others that wait for the same name are not concerned. While a name is known Find
// neither waits nor allocates.
//
// The errors are ErrBadHost (of the zero Authority), ErrNotAllowed, ErrNotFound,
// ErrForbidden, ErrLoop, ErrBusy, ErrLookup and ErrClosed.
func (f *Finder) Find(ctx context.Context, a Authority) (Found, error) {
	rules := f.rules.Load()
	switch {
	case a.port == 0:
		return Found{}, fmt.Errorf("%w: none", ErrBadHost)
	case !rules.Allows(a):
		return Found{}, fmt.Errorf("%q: %w", a, ErrNotAllowed)
	case a.addr.IsValid():
		return f.literal(a, rules.private)
	}
	known, err := f.answer(ctx, a.name)
	if err == nil {
		err = known.err
	}
	if err != nil {
		return Found{}, err
	}
	list := known.list(rules.private)
	if len(list.addrs) == 0 {
		return Found{}, known.forbidden(a.name, rules.private)
	}
	found := Found{own: f.config.Own, list: list, turn: known.turn.Add(1) - 1, port: a.port}
	found.advance()
	if !found.next.IsValid() {
		return Found{}, fmt.Errorf("%q: %w", a, ErrLoop)
	}
	return found, nil
}

// literal checks an address that the client gave itself.
func (f *Finder) literal(a Authority, allowPrivate bool) (Found, error) {
	if reason, bad := Forbidden(a.addr, allowPrivate); bad {
		return Found{}, fmt.Errorf("%w: %q: %s", ErrForbidden, a, reason)
	}
	to := netip.AddrPortFrom(a.addr, a.port)
	if isOwn(f.config.Own, to) {
		return Found{}, fmt.Errorf("%q: %w", a, ErrLoop)
	}
	return Found{next: to}, nil
}

// answer returns what is known of name, after a lookup if need be.
func (f *Finder) answer(ctx context.Context, name string) (*answer, error) {
	f.mu.Lock()
	known := f.cache.get(name)
	now := time.Now()
	if known != nil && now.Before(known.freshUntil) && !f.closed {
		a := known.answer
		f.mu.Unlock()
		return a, nil
	}
	var stale *answer
	failing := false
	if known != nil && known.usable(now) {
		stale, failing = known.answer, known.failing
	}
	l, err := f.join(ctx, name)
	switch {
	case err != nil && stale != nil && !f.closed, err == nil && failing:
		f.mu.Unlock()
		return stale, nil
	case err != nil:
		f.mu.Unlock()
		return nil, err
	}
	l.waiting++
	f.mu.Unlock()
	return f.wait(ctx, l, stale)
}

// wait waits for a lookup, with f.mu not held: when there is an old answer only
// for stalePatience, and else for its turn in the queue only for LookupTimeout.
func (f *Finder) wait(ctx context.Context, l *lookup, stale *answer) (*answer, error) {
	patience := f.config.LookupTimeout
	if stale != nil {
		patience = min(patience, stalePatience)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-l.done:
			return l.answer, l.err
		case <-ctx.Done():
			f.leave(l)
			return nil, fmt.Errorf("look up %q: %w", l.name, ctx.Err())
		case <-timer.C:
			if stale != nil {
				f.leave(l)
				return stale, nil
			}
			if f.leaveQueue(l) {
				return nil, fmt.Errorf("look up %q: %w", l.name, ErrBusy)
			}
		}
	}
}

// Close ends all lookups and waits for them. What waits for one gets ErrClosed,
// and so does who asks for a name later.
func (f *Finder) Close() {
	f.mu.Lock()
	f.closed = true
	f.cancel()
	f.dropQueue()
	f.mu.Unlock()
	f.done.Wait()
}

// Stats is how much a Finder holds.
type Stats struct {
	Names   int // remembered, existing or not
	Lookups int // under way
	Queued  int // names that wait for a lookup to begin
}

// Stats returns how much f holds now.
func (f *Finder) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Stats{Names: f.cache.order.Len(), Lookups: f.lookups.running, Queued: f.lookups.queue.Len()}
}
