package destination

import (
	"container/list"
	"time"
)

// cache holds the answers of the names that were asked for last, up to most of
// them. It is not safe for use by several goroutines: the Finder's lock guards it.
type cache struct {
	most    int
	entries map[string]*list.Element
	order   *list.List // of *entry, last used first
}

// entry is what is known of a name.
type entry struct {
	name   string
	answer *answer
	// freshUntil is when the name is to be looked up again: the end of the TTL, or
	// of the pause after a failure.
	freshUntil time.Time
	// staleUntil is how long addresses may be used while lookups fail.
	staleUntil time.Time
	// failing: the last lookup failed, the answer is that of an earlier one.
	failing bool
}

func newCache(most int) cache {
	return cache{most: most, entries: map[string]*list.Element{}, order: list.New()}
}

// get returns the entry of a name, as the one used last, or nil.
func (c *cache) get(name string) *entry {
	at := c.entries[name]
	if at == nil {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*entry)
}

// put adds an entry; the one that was not used for longest makes room for it.
func (c *cache) put(e *entry) {
	if c.order.Len() >= c.most {
		last := c.order.Back()
		delete(c.entries, c.order.Remove(last).(*entry).name)
	}
	c.entries[e.name] = c.order.PushFront(e)
}

// usable tells whether e has addresses that may still be used at now when the
// name cannot be looked up.
func (e *entry) usable(now time.Time) bool { return e.answer.err == nil && now.Before(e.staleUntil) }

// learn takes over what a lookup at now came to. An answer, be it that there is
// nothing, replaces what was known; a failure does so only when nothing usable was.
func (e *entry) learn(a *answer, ttl time.Duration, failed bool, now time.Time) {
	if failed && e.answer != nil && e.usable(now) {
		e.failing, e.freshUntil = true, now.Add(ttl)
		if e.staleUntil.Before(e.freshUntil) {
			e.freshUntil = e.staleUntil
		}
		return
	}
	if e.answer != nil {
		a.turn.Store(e.answer.turn.Load()) // else a short TTL would always begin with the first address
	}
	e.answer, e.failing = a, false
	e.freshUntil = now.Add(ttl)
	e.staleUntil = e.freshUntil.Add(maxStale)
}
