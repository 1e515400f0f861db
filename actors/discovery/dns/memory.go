package dns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// remembered is how long a name is kept that nobody asks about.
	remembered = 10 * time.Minute
	// sweepEvery is how often names are looked through for such.
	sweepEvery = time.Minute
	// maxNames is how many names are kept; above it those go that nobody asked about
	// for shortMemory. A service may name other targets in each of its answers.
	maxNames    = 50_000
	shortMemory = 10 * time.Second
)

// freshness says how old an answer may be.
type freshness struct {
	// maxAge is how old records may be; 0 = as old as their TTL allows.
	maxAge time.Duration
	// atOnce takes nothing older than a second, failures included.
	atOnce bool
}

// flight is one lookup under way. Those who wait for it own it: the last that
// leaves cancels it and waits for its end.
type flight struct {
	waiters int
	cancel  context.CancelCauseFunc
	done    chan struct{}
}

// refresh looks k up unless what is known is fresh enough, and returns when that
// is done or ctx is.
func (r *Resolver) refresh(ctx context.Context, k key, f freshness) {
	now := time.Now()
	r.mu.Lock()
	n := r.remember(k, f, now)
	fl := n.flight
	if fl == nil {
		skip, due := n.plan(f, now)
		if !due {
			r.mu.Unlock()
			return
		}
		fl = r.start(n, skip)
	}
	fl.waiters++
	r.mu.Unlock()
	select {
	case <-fl.done:
	case <-ctx.Done():
		r.leave(ctx, n, fl)
	}
}

// plan says whether a lookup is due, and which of its sets to leave out: one that
// failed and is to be left alone for a while, when there is another that is well.
func (n *name) plan(f freshness, now time.Time) (skip []bool, due bool) {
	skip = make([]bool, len(n.sets))
	well := slices.ContainsFunc(n.sets, func(s recordSet) bool { return s.well() })
	for i := range n.sets {
		isDue := n.due(i, f.maxAge, f.atOnce, now)
		due = due || isDue
		skip[i] = well && !isDue && n.sets[i].err != nil && !isAbsent(n.sets[i].err)
	}
	return skip, due
}

// start begins a lookup. The caller holds r.mu.
func (r *Resolver) start(n *name, skip []bool) *flight {
	ctx, cancel := context.WithCancelCause(context.Background())
	fl := &flight{cancel: cancel, done: make(chan struct{})}
	n.flight = fl
	q := question{name: n.key.name, types: n.key.kind.types(), skip: skip, candidate: n.candidate, doubtful: n.failed()}
	go r.fly(ctx, n, fl, q)
	return fl
}

// fly looks up and takes the answers as they come.
func (r *Resolver) fly(ctx context.Context, n *name, fl *flight, q question) {
	take := func(i int, candidate string, a answer) {
		if cause := context.Cause(ctx); cause != nil {
			if !errors.Is(cause, context.DeadlineExceeded) {
				return // nobody wants to know any more
			}
			if a.err != nil {
				a.err = fmt.Errorf("%w before the look was over: %w", ErrTimeout, a.err)
			}
		}
		r.take(n, i, candidate, a)
	}
	defer func() {
		if reason := recover(); reason != nil { // what is read comes from outside
			for i := range q.types {
				take(i, "", answer{err: fmt.Errorf("%w: it crashed the reader: %v", ErrBadAnswer, reason)})
			}
		}
		r.mu.Lock()
		if n.flight == fl {
			n.flight = nil
		}
		r.mu.Unlock()
		fl.cancel(nil)
		close(fl.done)
	}()
	r.ask(ctx, q, take)
}

// take notes an answer.
func (r *Resolver) take(n *name, i int, candidate string, a answer) {
	now := time.Now()
	r.stats.count(a.err)
	r.mu.Lock()
	defer r.mu.Unlock()
	n.sets[i].take(a, n.jitter, now)
	switch {
	case a.err == nil && len(a.records) > 0:
		n.candidate = candidate
	case n.allGone():
		n.candidate = ""
	}
	for target, glue := range a.glue {
		r.seed(target, glue, now)
	}
}

// seed takes addresses that came along with SRV records as if they had been looked up.
func (r *Resolver) seed(target string, g glue, now time.Time) {
	put := func(kind kind, families ...[]record) {
		k := key{target, kind}
		if known := r.names[k]; known != nil && known.sets[0].err == nil && now.Before(known.sets[0].next) {
			return // what was asked for is better than what came along
		}
		n := r.remember(k, freshness{}, now)
		n.candidate = target
		for i, records := range families {
			n.sets[i].take(answer{records: records, ttl: g.ttl}, n.jitter, now)
		}
	}
	if len(g.v4) > 0 {
		put(addressesV4, g.v4)
	}
	if len(g.v4) > 0 && len(g.v6) > 0 {
		put(addresses, g.v4, g.v6)
	}
}

// allGone tells whether no set has, or may still have, records.
func (n *name) allGone() bool {
	for i := range n.sets {
		if n.sets[i].known && !n.sets[i].gone {
			return false
		}
	}
	return true
}

// leave gives up waiting for a lookup.
func (r *Resolver) leave(ctx context.Context, n *name, fl *flight) {
	r.mu.Lock()
	fl.waiters--
	last := fl.waiters == 0
	if last {
		if n.flight == fl {
			n.flight = nil // who comes now begins anew
		}
		fl.cancel(ctx.Err())
	}
	r.mu.Unlock()
	if last {
		<-fl.done
	}
}

// remember returns the name of k, new or not, and keeps it for a while. The
// caller holds r.mu.
func (r *Resolver) remember(k key, f freshness, now time.Time) *name {
	n := r.names[k]
	if n == nil {
		r.sweep(now)
		n = &name{key: k, sets: make([]recordSet, len(k.kind.types())), jitter: rand.Float64()}
		r.inherit(n)
		r.names[k] = n
	}
	if keep := now.Add(max(remembered, 3*f.maxAge)); keep.After(n.keep) {
		n.keep = keep
	}
	return n
}

// inherit takes over what is known of a name in the other of the two kinds that
// ask for addresses: who changes ipv4_only while name servers are away keeps the
// peers that there are. The caller holds r.mu.
func (r *Resolver) inherit(n *name) {
	other := addressesV4
	switch n.key.kind {
	case addresses:
	case addressesV4:
		other = addresses
	case service:
		return
	}
	if known := r.names[key{n.key.name, other}]; known != nil {
		n.candidate = known.candidate
		n.sets[0] = known.sets[0] // A comes first in both
	}
}

// sweep forgets names that nobody asked about for long. The caller holds r.mu.
func (r *Resolver) sweep(now time.Time) {
	due := now
	if len(r.names) >= maxNames && now.Sub(r.swept) >= shortMemory {
		due = now.Add(remembered - shortMemory)
	} else if now.Sub(r.swept) < sweepEvery {
		return
	}
	r.swept = now
	for k, n := range r.names {
		if n.flight == nil && due.After(n.keep) {
			delete(r.names, k)
		}
	}
}

// look returns what is known of k. every is how often it is looked up; 0 = when the TTL ends.
func (r *Resolver) look(k key, now time.Time, every time.Duration) state {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.names[k]
	if n == nil {
		return state{err: ErrTimeout, next: now}
	}
	return n.state(now, r.cfg.MaxStale, every)
}
