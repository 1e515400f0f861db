package notifier

import (
	"container/heap"
	"container/list"
	"time"
)

// entry is one event on its way into the stream. It is waiting, or in flight
// (sent, and not answered yet), or gone (stored or dropped).
type entry struct {
	seq      uint64 // the order of events
	record   Record
	accepted time.Time
	// upstream and peer say whose flip it is; empty for any other event.
	upstream, peer string

	// late: it was sent before, live or to be stored, so this is not the first time.
	late bool
	// maybeSince is when it was first sent with an unknown outcome; zero = never.
	maybeSince time.Time

	gone, flying bool
	place        *list.Element // in waiting
	untold       *list.Element // in fresh
	pin          *list.Element // in pinned
	spare        int           // index in spares; -1 = not there
}

// backlog has the entries that are not stored yet, in the order of events. It
// holds size ordinary entries, and beyond these the latest flip of each peer,
// which is pinned until a newer one comes, its upstream is removed, or more than
// maxPinned are. Nothing takes more than the logarithm of size, but for front and
// giveBack, which say so. Not safe for more than one goroutine.
type backlog struct {
	size, maxPinned int

	seq     uint64
	waiting list.List // of *entry, in order
	// fresh are those not sent in any way yet: the end of waiting, and what was
	// expelled in between, which is expelled in number.
	fresh    list.List
	expelled int
	flying   map[string]*entry
	// lateFlying counts those in flight that are late.
	lateFlying int

	latest   map[string]map[string]*entry // the pinned, by upstream and peer
	pinned   list.List                    // the same, in order
	spares   spares                       // waiting, and not pinned
	ordinary int                          // waiting or in flight, and not pinned
}

func newBacklog(size, maxPinned int) *backlog {
	return &backlog{size: size, maxPinned: maxPinned, flying: map[string]*entry{}, latest: map[string]map[string]*entry{}}
}

// len counts the entries that are waiting or in flight.
func (b *backlog) len() int { return b.waiting.Len() + len(b.flying) }

// add takes an event in. A flip, which is what has a peer, is pinned.
func (b *backlog) add(r Record, upstream, peer string, now time.Time) *entry {
	b.seq++
	e := &entry{seq: b.seq, record: r, accepted: now, upstream: upstream, peer: peer, spare: -1}
	e.place, e.untold = b.waiting.PushBack(e), b.fresh.PushBack(e)
	b.ordinary++
	heap.Push(&b.spares, e)
	if peer != "" {
		b.pinFlip(e)
	}
	return e
}

func (b *backlog) pinFlip(e *entry) {
	peers := b.latest[e.upstream]
	if peers == nil {
		peers = map[string]*entry{}
		b.latest[e.upstream] = peers
	}
	if older := peers[e.peer]; older != nil {
		b.unpin(older)
		b.latest[e.upstream] = peers // which unpin removes when it was the only one
	}
	peers[e.peer] = e
	e.pin = b.pinned.PushBack(e)
	b.ordinary--
	b.unspare(e)
	if b.pinned.Len() > b.maxPinned {
		b.unpin(first(&b.pinned))
	}
}

// unpin makes a pinned entry an ordinary one.
func (b *backlog) unpin(e *entry) {
	b.forget(e)
	b.ordinary++
	if !e.flying {
		heap.Push(&b.spares, e)
	}
}

// forget takes an entry out of the pinned.
func (b *backlog) forget(e *entry) {
	b.pinned.Remove(e.pin)
	e.pin = nil
	peers := b.latest[e.upstream]
	if delete(peers, e.peer); len(peers) == 0 {
		delete(b.latest, e.upstream)
	}
}

// release unpins the flips of an upstream that is gone.
func (b *backlog) release(upstream string) {
	for _, e := range b.latest[upstream] {
		b.unpin(e)
	}
}

// overflow returns the oldest entry that has to go because there are too many;
// nil when none has to. What is in flight and what is pinned never has to.
func (b *backlog) overflow() *entry {
	if b.ordinary <= b.size || len(b.spares) == 0 {
		return nil
	}
	return b.spares[0]
}

// front returns the oldest waiting entry whose subject is not skip; nil = none.
// Nothing older of its subject waits. An empty skip skips nothing; with another
// all may have to be looked at, once per try after a failure.
func (b *backlog) front(skip string) *entry {
	for place := b.waiting.Front(); place != nil; place = place.Next() {
		if e := place.Value.(*entry); e.record.Subject != skip {
			return e
		}
	}
	return nil
}

// told notes that an entry was sent in some way.
func (b *backlog) told(e *entry) {
	if e.untold == nil {
		return
	}
	b.fresh.Remove(e.untold)
	e.untold = nil
	if e.gone {
		b.expelled--
	}
}

// untell takes told back: it was not sent after all. It is the oldest of its kind.
func (b *backlog) untell(e *entry) { e.untold = b.fresh.PushFront(e) }

// take makes a waiting entry one in flight.
func (b *backlog) take(e *entry) {
	b.told(e)
	b.leave(e)
	e.flying = true
	b.flying[e.record.Subject] = e
	if e.late {
		b.lateFlying++
	}
}

// land ends the flight of an entry.
func (b *backlog) land(e *entry) {
	delete(b.flying, e.record.Subject)
	e.flying = false
	if e.late {
		b.lateFlying--
	}
}

// giveBack makes an entry in flight a waiting one, where it was: what flies is
// older than nearly all that waits, so the way is at most as long as a flight is wide.
func (b *backlog) giveBack(e *entry) {
	b.land(e)
	place := b.waiting.Front()
	for place != nil && place.Value.(*entry).seq < e.seq {
		place = place.Next()
	}
	if place == nil {
		e.place = b.waiting.PushBack(e)
	} else {
		e.place = b.waiting.InsertBefore(e, place)
	}
	if e.pin == nil {
		heap.Push(&b.spares, e)
	}
}

// remove takes an entry out for good, stored or dropped.
func (b *backlog) remove(e *entry) {
	if e.flying {
		b.land(e)
	} else {
		b.told(e)
		b.leave(e)
	}
	if e.pin != nil {
		b.forget(e)
	} else {
		b.ordinary--
	}
	e.gone = true
}

// expel removes a waiting entry because there are too many. It can still be sent
// live in its turn, if not too many are to be.
func (b *backlog) expel(e *entry) {
	untold := e.untold
	if b.expelled >= b.size {
		untold = nil
	}
	if untold != nil {
		e.untold = nil
		b.expelled++
	}
	b.remove(e)
	e.untold = untold
}

// leave takes an entry out of the waiting.
func (b *backlog) leave(e *entry) {
	b.waiting.Remove(e.place)
	e.place = nil
	b.unspare(e)
}

func (b *backlog) unspare(e *entry) {
	if e.spare >= 0 {
		heap.Remove(&b.spares, e.spare)
	}
}

// oldest returns when the oldest entry was accepted; zero = there is none.
func (b *backlog) oldest() time.Time {
	var at time.Time
	if e := first(&b.waiting); e != nil {
		at = e.accepted
	}
	for _, e := range b.flying {
		if at.IsZero() || e.accepted.Before(at) {
			at = e.accepted
		}
	}
	return at
}

// first returns the first entry of a list; nil = it is empty.
func first(l *list.List) *entry {
	if l.Len() == 0 {
		return nil
	}
	return l.Front().Value.(*entry)
}

// spares is a heap of entries, the oldest on top.
type spares []*entry

func (s spares) Len() int           { return len(s) }
func (s spares) Less(i, j int) bool { return s[i].seq < s[j].seq }
func (s spares) Swap(i, j int)      { s[i], s[j] = s[j], s[i]; s[i].spare, s[j].spare = i, j }

// Push implements heap.Interface.
func (s *spares) Push(x any) {
	e := x.(*entry)
	e.spare = len(*s)
	*s = append(*s, e)
}

// Pop implements heap.Interface.
func (s *spares) Pop() any {
	end := len(*s) - 1
	e := (*s)[end]
	(*s)[end] = nil
	*s = (*s)[:end]
	e.spare = -1
	return e
}
