package balance

import (
	"sync"
	"sync/atomic"
	"time"
)

// room is where asks wait for a peer: a bounded FIFO.
//
// Who may enter: see Snapshot.hope; all others get their error at once. While
// somebody waits, new asks queue behind. Only the head takes a peer, and only
// the waiter itself, Publish and Withdraw take it out of the queue.
//
// No wake-up is lost. A waiter is counted (waiting) before it looks for a slot,
// and a slot is free before Release looks at the count, so one sees the other.
// Whoever stops being the head calls the next one: two slots that came free
// under one call serve two waiters. Publish stores the snapshot under mu and
// calls the head after it.
//
// A head that looks through thousands of full peers for the one that came free
// would make a crowd worse. So Release names the peer (freed), which is tried
// until it is full again, and the whole set is swept only when there may be a
// slot that nobody named (stirred): for the first in the queue, after a snapshot,
// when the windows open by time, when more came free than can be named. A sweep
// that finds a slot is carried on by the next head where it ended. (An ask with
// a hash key or with tried peers picks as always.) room_model_test.go visits
// every interleaving of this.
//
// Promise 2 outranks the pace: an ask that would fail because the queue is full,
// or its time is up, while windows alone hold back free slots, takes one.
type room struct {
	// waiting is the length of the queue, written under mu. Requests read it
	// without: it has a line of its own, which changes only while asks wait.
	_       [cacheLine]byte
	waiting atomic.Int64
	// pacing tells that there are windows, written under mu.
	pacing atomic.Bool
	_      [cacheLine]byte

	mu    sync.Mutex
	queue queue
	pace  pace
	// freed are peers that had a slot come free.
	freed []*Peer
	// stirred tells that there may be others; stirs counts how often that was
	// said, and swept is how far the set was looked through since.
	stirred bool
	stirs   uint64
	swept   sweep
}

// freedMost is how many peers freed names at most.
const freedMost = 32

// turn is what a waiter is to do now.
type turn struct {
	// head tells that it is the head.
	head bool
	// freed is a peer to try. all tells to try every peer from swept on. With
	// neither there is nothing to try.
	freed *Peer
	all   bool
	stirs uint64
	swept sweep
	// refill is when the windows open next; zero = there are none.
	refill time.Time
}

// look tells a waiter what to do, or why it was sent away.
func (m *room) look(w *waiter) (turn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !w.queued {
		w.timer.Stop()
		return turn{}, w.failed
	}
	if m.queue.head != w {
		return turn{}, nil
	}
	if m.pace.tick(time.Now()) {
		m.stir()
	}
	next := turn{head: true, refill: m.pace.refill}
	if last := len(m.freed) - 1; last >= 0 {
		next.freed = m.freed[last]
		m.freed[last], m.freed = nil, m.freed[:last]
	} else if m.stirred {
		next.all, next.stirs, next.swept = true, m.stirs, m.swept
	}
	return next, nil
}

// report takes how far a sweep came; one that found nothing is complete.
// Stirred again meanwhile, it counts for nothing.
func (m *room) report(t turn, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stirs == t.stirs {
		m.stirred, m.swept = found, t.swept
	}
}

// tick stirs when w is the head: its timer ran out.
func (m *room) tick(w *waiter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queue.head == w {
		m.stir()
	}
}

// stir says that there may be free slots that nobody named. Call it with mu held.
func (m *room) stir() {
	m.stirred, m.swept = true, sweep{}
	m.stirs++
}

// leave takes w out of the queue. If it was the head, the next one is called.
func (m *room) leave(w *waiter) {
	w.timer.Stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.queued {
		head := m.queue.head == w
		m.remove(w)
		if head && m.queue.head != nil {
			m.queue.head.call()
		}
	}
}

// remove takes w out of the queue and ends the pace with the last one. Call it with mu held.
func (m *room) remove(w *waiter) {
	m.queue.remove(w)
	if m.waiting.Add(-1) == 0 {
		m.pace.end()
		m.pacing.Store(false)
		clear(m.freed)
		m.freed = m.freed[:0]
	}
}

// wakeHead is name without mu held.
func (m *room) wakeHead(p *Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.name(p)
}

// name tells the head that p has a free slot. Call it with mu held.
func (m *room) name(p *Peer) {
	if m.queue.head == nil {
		return
	}
	if len(m.freed) < freedMost {
		m.freed = append(m.freed, p)
	} else {
		m.stir()
	}
	m.queue.head.call()
}

// sendAway fails all waiters. Call it with mu held.
func (m *room) sendAway(err error) {
	for w := m.queue.head; w != nil; w = m.queue.head {
		w.failed = err
		m.remove(w)
		w.call()
	}
}
