package balance

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

// result is what Acquire returned, to whom, and when.
type result struct {
	id   int
	peer *Peer
	err  error
	at   time.Time
}

// crowd is goroutines that ask; their results come in the order they were served.
type crowd struct {
	ref     *Ref
	results chan result
}

func newCrowd(ref *Ref) *crowd { return &crowd{ref: ref, results: make(chan result, 20_000)} }

// ask starts an ask and returns when it waits or was answered. Call it in a bubble.
func (c *crowd) ask(id int, done <-chan struct{}) {
	go func() {
		p, err := c.ref.Acquire(&Ask{Done: done})
		c.results <- result{id: id, peer: p, err: err, at: time.Now()}
	}()
	synctest.Wait()
}

// next returns the next result that is there after everything came to rest, without time passing.
func (c *crowd) next(t *testing.T) result {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-c.results:
		return r
	default:
		t.Fatal("nobody was answered")
		return result{}
	}
}

func (c *crowd) none(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-c.results:
		t.Fatalf("ask %d was answered: %v, %v", r.id, r.peer, r.err)
	default:
	}
}

var roomy = messages.Limits{MaxRequests: 1, Queue: 20_000, QueueTimeout: 5 * time.Second}

func TestWhoMayWait(t *testing.T) {
	const timeout = 5 * time.Second
	up, down := []bool{true}, []bool{false}
	tests := []struct {
		name   string
		peers  []bool // available
		full   bool
		limits messages.Limits
		// pending and emptyFor complete the snapshot.
		pending  bool
		emptyFor time.Duration
		want     error
		after    time.Duration
	}{
		{name: "all at their limit: waits", peers: up, full: true, limits: messages.Limits{Queue: 1}, want: ErrQueueTimeout, after: timeout},
		{name: "queue_timeout is heeded", peers: up, full: true, limits: messages.Limits{Queue: 1, QueueTimeout: time.Second}, want: ErrQueueTimeout, after: time.Second},
		{name: "a queue of none: nobody waits", peers: up, full: true, want: ErrQueueFull},
		{name: "a negative queue: nobody waits", peers: up, full: true, limits: messages.Limits{Queue: -1}, want: ErrQueueFull},
		{name: "first discovery: waits", pending: true, limits: messages.Limits{Queue: 1}, want: ErrQueueTimeout, after: timeout},
		{name: "first discovery, a queue of none", pending: true, want: ErrNoPeer},
		{name: "all down: fails at once", peers: down, limits: messages.Limits{Queue: 1}, want: ErrNoPeer},
		{name: "all down, queue_when_down: waits", peers: down, limits: messages.Limits{Queue: 1, QueueWhenDown: true}, want: ErrQueueTimeout, after: timeout},
		{name: "all down, queue_when_down, a queue of none", peers: down, limits: messages.Limits{QueueWhenDown: true}, want: ErrNoPeer},
		{name: "empty since just now: waits", emptyFor: time.Nanosecond, limits: messages.Limits{Queue: 1}, want: ErrNoPeer, after: timeout - time.Nanosecond},
		{name: "empty for a while: waits for the rest", emptyFor: 3 * time.Second, limits: messages.Limits{Queue: 1}, want: ErrNoPeer, after: 2 * time.Second},
		{name: "empty for long: fails at once", emptyFor: timeout, limits: messages.Limits{Queue: 1}, want: ErrNoPeer},
		{name: "empty for long, queue_when_down: waits", emptyFor: time.Hour, limits: messages.Limits{Queue: 1, QueueWhenDown: true}, want: ErrQueueTimeout, after: timeout},
		{name: "never had a peer: fails at once", limits: messages.Limits{Queue: 1}, want: ErrNoPeer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ref := newTestRef()
				c := SnapshotConfig{Policy: Policy{Limits: tt.limits}, Pending: tt.pending}
				if tt.emptyFor > 0 {
					c.EmptySince = time.Now().Add(-tt.emptyFor)
				}
				for i, up := range tt.peers {
					c.Members = append(c.Members, Member{Peer: ref.Peer(addrOf(i)), Available: up})
				}
				if tt.full {
					c.Policy.Limits.MaxRequests = 1
					ref.Peer(addrOf(0)).inFlight.Store(1)
				}
				ref.Publish(NewSnapshot(c))
				start := time.Now()
				p, err := ref.Acquire(&Ask{})
				if !errors.Is(err, tt.want) || p != nil {
					t.Errorf("Acquire() = %v, %v, want %v", p, err, tt.want)
				}
				if took := time.Since(start); took != tt.after {
					t.Errorf("answered after %v, want %v", took, tt.after)
				}
				if ref.Waiting() != 0 {
					t.Errorf("%d wait, want 0", ref.Waiting())
				}
			})
		})
	}
}

func TestWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		ref := newTestRef()
		publish(ref, messages.RoundRobin, roomy, 1)
		held := mustAcquire(t, ref, &Ask{})
		c := newCrowd(ref)
		for id := range n {
			c.ask(id, nil)
		}
		if ref.Waiting() != n {
			t.Fatalf("%d wait, want %d", ref.Waiting(), n)
		}
		for id := range n {
			ref.Release(held, Outcome{})
			r := c.next(t)
			if r.id != id || r.err != nil {
				t.Fatalf("answered %d with %v, want %d", r.id, r.err, id)
			}
			held = r.peer
		}
		c.none(t)
		if ref.Waiting() != 0 {
			t.Errorf("%d wait, want 0", ref.Waiting())
		}
	})
}

func TestNewAsksQueueBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		members := publish(ref, messages.RoundRobin, roomy, 1)
		mustAcquire(t, ref, &Ask{})
		c := newCrowd(ref)
		c.ask(0, nil)
		// A slot comes free that the head has not been told of.
		members[0].Peer.inFlight.Store(0)
		c.ask(1, nil)
		c.none(t)
		members[0].Peer.inFlight.Store(1)
		ref.Release(members[0].Peer, Outcome{})
		if r := c.next(t); r.id != 0 {
			t.Errorf("ask %d was served first, want 0", r.id)
		}
		c.none(t)
		ref.Release(members[0].Peer, Outcome{})
		c.next(t)
	})
}

// TestReleasesUnderOneCallServeAll: several slots come free before the head runs,
// fewer and more than can be named.
func TestReleasesUnderOneCallServeAll(t *testing.T) {
	for _, n := range []int{2, freedMost, freedMost + 1, 3 * freedMost} {
		t.Run(fmt.Sprint(n, " slots"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ref := newTestRef()
				publish(ref, messages.RoundRobin, roomy, equalWeights(n)...)
				held := make([]*Peer, n)
				for i := range held {
					held[i] = mustAcquire(t, ref, &Ask{})
				}
				c := newCrowd(ref)
				for id := range n + 1 {
					c.ask(id, nil)
				}
				// No waiter can look between these.
				ref.room.mu.Lock()
				for _, p := range held {
					p.give(false)
					ref.room.name(p)
				}
				ref.room.mu.Unlock()
				for range n {
					if r := c.next(t); r.err != nil {
						t.Fatal(r.err)
					}
				}
				c.none(t)
				ref.Release(held[0], Outcome{})
				if r := c.next(t); r.id != n {
					t.Errorf("served %d last, want %d", r.id, n)
				}
			})
		})
	}
}

// TestANamedPeerMayBeGone: a slot comes free at a peer that the snapshot does not
// have any more, or has in another place or tier.
func TestANamedPeerMayBeGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		members := publish(ref, messages.RoundRobin, roomy, 1, 1, 1)
		for range 3 {
			mustAcquire(t, ref, &Ask{})
		}
		c := newCrowd(ref)
		c.ask(0, nil)
		members[1].Tier = 1
		ref.Publish(snapshotOf(messages.RoundRobin, roomy, members[1:]))
		ref.Release(members[0].Peer, Outcome{})
		c.none(t)
		ref.Release(members[1].Peer, Outcome{}) // of the second tier
		if r := c.next(t); r.peer != members[1].Peer {
			t.Errorf("got %v, %v", r.peer, r.err)
		}
		c.ask(1, nil)
		members[2].Available = false
		NewSnapshot(SnapshotConfig{Members: members}) // made, never published
		ref.Release(members[2].Peer, Outcome{})
		if r := c.next(t); r.peer != members[2].Peer {
			t.Errorf("got %v, %v", r.peer, r.err)
		}
	})
}

func TestAFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		publish(ref, messages.RoundRobin, messages.Limits{MaxRequests: 1, Queue: 3}, 1)
		held := mustAcquire(t, ref, &Ask{})
		c := newCrowd(ref)
		for id := range 3 {
			c.ask(id, nil)
		}
		if _, err := ref.Acquire(&Ask{}); !errors.Is(err, ErrQueueFull) {
			t.Errorf("the fourth got %v, want %v", err, ErrQueueFull)
		}
		for range 3 {
			ref.Release(held, Outcome{})
			held = c.next(t).peer
		}
	})
}

// TestAGoneHeadPassesItsCallOn: a slot comes free, the head is called, and its
// client is gone at the same moment.
// TestAnEqualSnapshotChangesNothing: what an actor does after a restart.
