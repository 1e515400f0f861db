package destination

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// lookups are those that run and those that wait to. The Finder's lock guards them.
type lookups struct {
	byName  map[string]*lookup
	queue   *list.List // of *lookup, the next one first
	running int        // goroutines; each runs one lookup after the other
}

// lookup is one lookup of a name, for everybody who asks for the name meanwhile.
type lookup struct {
	name    string
	queued  *list.Element // nil = it has begun
	waiting int           // who waits for it
	// done is closed when answer and err are there: answer has what a lookup came
	// to, err says that there was none.
	done   chan struct{}
	answer *answer
	err    error
}

func newLookups() lookups { return lookups{byName: map[string]*lookup{}, queue: list.New()} }

// join returns the lookup of name that is under way, or begins one, with f.mu
// held. The error is ErrClosed, ErrBusy, or that of ctx: nothing is begun for a
// request that is over.
func (f *Finder) join(ctx context.Context, name string) (*lookup, error) {
	s := &f.lookups
	if f.closed {
		return nil, fmt.Errorf("look up %q: %w", name, ErrClosed)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("look up %q: %w", name, ctx.Err())
	}
	if l := s.byName[name]; l != nil {
		return l, nil
	}
	full := s.running >= f.config.MaxLookups
	if full && s.queue.Len() >= f.config.MaxQueue {
		return nil, fmt.Errorf("look up %q: %w", name, ErrBusy)
	}
	// The name outlives the request, whose memory may be used again.
	l := &lookup{name: strings.Clone(name), done: make(chan struct{})}
	s.byName[l.name] = l
	if full {
		l.queued = s.queue.PushBack(l)
		return l, nil
	}
	s.running++
	f.done.Go(func() { f.run(l) })
	return l, nil
}

// run runs l and then what is queued, until nothing is.
func (f *Finder) run(l *lookup) {
	for l != nil {
		ctx, cancel := context.WithTimeout(f.ctx, f.config.LookupTimeout)
		addrs, ttl, err := f.config.Lookup(ctx, l.name)
		cancel()
		l = f.finish(l, addrs, ttl, err)
	}
}

// finish keeps what a lookup came to, tells those who wait, and returns the next
// lookup to run, or nil.
func (f *Finder) finish(l *lookup, addrs []netip.Addr, ttl time.Duration, err error) (next *lookup) {
	a, ttl, failed := judge(l.name, addrs, ttl, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.lookups
	delete(s.byName, l.name)
	if f.closed {
		l.err = fmt.Errorf("look up %q: %w", l.name, ErrClosed)
	} else {
		l.answer = f.remember(l.name, a, ttl, failed)
	}
	close(l.done)
	first := s.queue.Front()
	if first == nil {
		s.running--
		return nil
	}
	next = s.queue.Remove(first).(*lookup)
	next.queued = nil
	return next
}

// judge makes an answer of what a lookup returned, and says how long it holds.
func judge(name string, addrs []netip.Addr, ttl time.Duration, err error) (a *answer, hold time.Duration, failed bool) {
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("%w: no address", ErrNotFound)
	}
	switch {
	case err == nil:
		return newAnswer(addrs), min(max(ttl, minTTL), maxTTL), false
	case errors.Is(err, ErrNotFound):
		if ttl <= 0 {
			ttl = maxAbsence
		}
		return &answer{err: fmt.Errorf("look up %q: %w", name, err)}, min(max(ttl, minTTL), maxAbsence), false
	}
	return &answer{err: fmt.Errorf("look up %q: %w: %w", name, ErrLookup, err)}, failurePause, true
}

// remember adds to the cache what a lookup came to, with f.mu held. It returns
// the answer that holds now: an older one, when the lookup failed and it still may be used.
func (f *Finder) remember(name string, a *answer, ttl time.Duration, failed bool) *answer {
	known := f.cache.get(name)
	if known == nil {
		known = &entry{name: name}
		f.cache.put(known)
	}
	known.learn(a, ttl, failed, time.Now())
	return known.answer
}

// leave is for who does not wait any longer. A lookup that nobody waits for is
// given up unless it has begun: then its answer is kept for the next one.
func (f *Finder) leave(l *lookup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.waiting--
	f.giveUp(l)
}

// leaveQueue is leave for who waits for a lookup that has not begun; it returns
// false, and the wait goes on, when it has.
func (f *Finder) leaveQueue(l *lookup) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.queued == nil {
		return false
	}
	l.waiting--
	f.giveUp(l)
	return true
}

func (f *Finder) giveUp(l *lookup) {
	if l.queued != nil && l.waiting == 0 {
		f.lookups.queue.Remove(l.queued)
		l.queued = nil
		delete(f.lookups.byName, l.name)
	}
}

// dropQueue ends the lookups that have not begun, with f.mu held.
func (f *Finder) dropQueue() {
	s := &f.lookups
	for at := s.queue.Front(); at != nil; at = s.queue.Front() {
		l := s.queue.Remove(at).(*lookup)
		l.queued = nil
		delete(s.byName, l.name)
		l.err = fmt.Errorf("look up %q: %w", l.name, ErrClosed)
		close(l.done)
	}
}
