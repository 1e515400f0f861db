package balance

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestAGoneClientLeavesAtOnce(t *testing.T) {
	for _, leaver := range []int{0, 1, 2} {
		t.Run(fmt.Sprint("from place ", leaver), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ref := newTestRef()
				publish(ref, messages.RoundRobin, roomy, 1)
				held := mustAcquire(t, ref, &Ask{})
				c := newCrowd(ref)
				done := make(chan struct{})
				for id := range 3 {
					if id == leaver {
						c.ask(id, done)
					} else {
						c.ask(id, nil)
					}
				}
				close(done)
				if r := c.next(t); r.id != leaver || !errors.Is(r.err, ErrGone) {
					t.Fatalf("answered %d with %v, want %d with %v", r.id, r.err, leaver, ErrGone)
				}
				for id := range 3 {
					if id == leaver {
						continue
					}
					ref.Release(held, Outcome{})
					r := c.next(t)
					if r.id != id {
						t.Errorf("served %d, want %d", r.id, id)
					}
					held = r.peer
				}
			})
		})
	}
}

func TestAGoneHeadPassesItsCallOn(t *testing.T) {
	for range 50 { // select chooses at random
		synctest.Test(t, func(t *testing.T) {
			ref := newTestRef()
			publish(ref, messages.RoundRobin, roomy, 1)
			held := mustAcquire(t, ref, &Ask{})
			c := newCrowd(ref)
			done := make(chan struct{})
			c.ask(0, done)
			c.ask(1, nil)
			close(done)
			ref.Release(held, Outcome{})
			first := c.next(t)
			if first.err == nil { // the head took the slot before it saw that its client is gone
				c.none(t)
				ref.Release(first.peer, Outcome{})
			}
			if r := c.next(t); r.id != 1 || r.err != nil {
				t.Fatalf("answered %d with %v, want 1 served", r.id, r.err)
			}
		})
	}
}

func TestPublishAnswersThoseWhoWait(t *testing.T) {
	waitThen := func(t *testing.T, then func(ref *Ref, members []Member), want error) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			ref := newTestRef()
			members := publish(ref, messages.RoundRobin, roomy, 1, 1)
			members[1].Available = false
			ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
			mustAcquire(t, ref, &Ask{})
			c := newCrowd(ref)
			for id := range 3 {
				c.ask(id, nil)
			}
			start := time.Now()
			then(ref, members)
			if want == nil {
				if r := c.next(t); r.id != 0 || r.err != nil {
					t.Fatalf("answered %d with %v, want 0 served", r.id, r.err)
				}
				<-time.After(time.Minute) // the others time out
				return
			}
			for range 3 {
				if r := c.next(t); !errors.Is(r.err, want) {
					t.Errorf("answered with %v, want %v", r.err, want)
				}
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("answered after %v, want at once", took)
			}
			if ref.Waiting() != 0 {
				t.Errorf("%d wait, want 0", ref.Waiting())
			}
		})
	}
	t.Run("a peer more serves the head", func(t *testing.T) {
		waitThen(t, func(ref *Ref, members []Member) {
			members[1].Available = true
			ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
		}, nil)
	})
	t.Run("a higher limit serves the head", func(t *testing.T) {
		waitThen(t, func(ref *Ref, members []Member) {
			more := roomy
			more.MaxRequests = 2
			ref.Publish(snapshotOf(messages.RoundRobin, more, members))
		}, nil)
	})
	t.Run("all down sends all away", func(t *testing.T) {
		waitThen(t, func(ref *Ref, members []Member) {
			members[0].Available = false
			ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
		}, ErrNoPeer)
	})
	t.Run("withdrawn sends all away", func(t *testing.T) {
		waitThen(t, func(ref *Ref, _ []Member) { ref.Withdraw() }, ErrNoUpstream)
	})
}

func TestAnEqualSnapshotChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		members := publish(ref, messages.RoundRobin, roomy, 1)
		held := mustAcquire(t, ref, &Ask{})
		c := newCrowd(ref)
		for id := range 3 {
			c.ask(id, nil)
		}
		for range 5 {
			ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
			c.none(t)
		}
		if ref.room.pacing.Load() {
			t.Error("an equal snapshot paces")
		}
		for id := range 3 {
			ref.Release(held, Outcome{})
			r := c.next(t)
			if r.id != id {
				t.Errorf("served %d, want %d", r.id, id)
			}
			held = r.peer
		}
	})
}

func TestWaitersForTheFirstDiscoveryGetItsPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		ref.Publish(NewSnapshot(SnapshotConfig{Policy: Policy{Limits: roomy}, Pending: true}))
		c := newCrowd(ref)
		c.ask(0, nil)
		c.none(t)
		publish(ref, messages.RoundRobin, roomy, 1)
		if r := c.next(t); r.err != nil {
			t.Errorf("answered with %v", r.err)
		}
	})
}

func TestAnAskIsReusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		publish(ref, messages.RoundRobin, roomy, 1)
		held := mustAcquire(t, ref, &Ask{})
		ask := &Ask{}
		if _, err := ref.Acquire(ask); !errors.Is(err, ErrQueueTimeout) {
			t.Fatal(err)
		}
		done := make(chan struct{})
		close(done)
		ask.Done = done
		if _, err := ref.Acquire(ask); !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
		ask.Reset()
		wake, timer := ask.waiter.wake, ask.waiter.timer
		answered := make(chan *Peer)
		go func() {
			p, _ := ref.Acquire(ask)
			answered <- p
		}()
		synctest.Wait()
		ref.Release(held, Outcome{})
		if p := <-answered; p != held {
			t.Errorf("got %v, want the peer", p)
		}
		if ask.waiter.wake != wake || ask.waiter.timer != timer {
			t.Error("the ask made a new channel or timer")
		}
	})
}

func TestStarvingIsToldOnceAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := NewRegistry()
		ref := registry.Ref("api")
		var told atomic.Int32
		registry.OnStarving(func(name string) {
			if name != "api" {
				t.Errorf("told of %q", name)
			}
			told.Add(1)
		})
		want := func(n int32, why string) {
			t.Helper()
			synctest.Wait()
			if told.Load() != n {
				t.Fatalf("%s: told %d times, want %d", why, told.Load(), n)
			}
		}
		members := publish(ref, messages.RoundRobin, roomy, 1)
		held := mustAcquire(t, ref, &Ask{})
		want(0, "while there is a peer")
		c := newCrowd(ref)
		for id := range 5 {
			c.ask(id, nil)
		}
		want(1, "five wait")
		<-time.After(StarvingAgain + time.Millisecond)
		want(2, "after a second")
		ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
		want(3, "a snapshot that does not help")
		for range 5 {
			ref.Release(held, Outcome{})
			held = c.next(t).peer
		}
		members[0].Available = false
		ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
		for range 3 {
			if _, err := ref.Acquire(&Ask{}); !errors.Is(err, ErrNoPeer) {
				t.Fatal(err)
			}
		}
		want(4, "failed asks count too")
		registry.OnStarving(nil)
		ref.Publish(snapshotOf(messages.RoundRobin, roomy, members))
		if _, err := ref.Acquire(&Ask{}); !errors.Is(err, ErrNoPeer) {
			t.Fatal(err)
		}
		want(4, "nobody listens")
	})
}
