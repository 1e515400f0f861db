package balance

import "time"

// waiter is an ask's place in the queue. It lies in the Ask and keeps its
// channel and timer, so that only the first wait of an Ask allocates.
type waiter struct {
	prev, next *waiter
	queued     bool
	// failed is why the waiter was sent away.
	failed error
	// wake holds a token while there is something for the waiter to look at.
	wake  chan struct{}
	timer *time.Timer
}

// prepare makes the waiter ready to queue.
func (w *waiter) prepare() {
	if w.wake == nil {
		w.wake = make(chan struct{}, 1)
		w.timer = time.NewTimer(time.Hour)
		w.timer.Stop()
	}
	// A token of the wait before may be left; nobody leaves one before w is queued again.
	select {
	case <-w.wake:
	default:
	}
	w.failed = nil
}

// call leaves a token; one is enough.
func (w *waiter) call() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// queue is a FIFO of waiters: a doubly linked list through the waiters
// themselves, so that leaving it is O(1) from anywhere.
type queue struct{ head, tail *waiter }

func (q *queue) push(w *waiter) {
	w.prev, w.next, w.queued = q.tail, nil, true
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
}
