package balance

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

// openLimits bound the queue and not the peers: the pace alone holds waiters back.
var openLimits = messages.Limits{Queue: 1000, QueueTimeout: 5 * time.Second}

// newRecovery returns n asks that waited for the first set, and the set's only peer,
// which was published just now.
func newRecovery(t *testing.T, ref *Ref, limits messages.Limits, n int) (*crowd, *Peer) {
	t.Helper()
	ref.Publish(NewSnapshot(SnapshotConfig{Policy: Policy{Limits: limits}, Pending: true}))
	c := newCrowd(ref)
	for id := range n {
		c.ask(id, nil)
	}
	members := publish(ref, messages.RoundRobin, limits, 1)
	synctest.Wait()
	return c, members[0].Peer
}

func TestARecoveredPeerIsNotBuried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		ref := newTestRef()
		c, p := newRecovery(t, ref, openLimits, n)
		served, want := 0, int64(paceStart)
		for served+int(p.InFlight()) < n {
			if got := p.InFlight(); got != want {
				t.Fatalf("%d in flight, want %d", got, want)
			}
			// A round of requests ends well: twice as many follow.
			for range want {
				c.next(t)
				ref.Release(p, Outcome{Latency: time.Millisecond})
				served++
			}
			want = min(2*want, int64(n-served))
			synctest.Wait()
		}
		if served < paceStart+2*paceStart {
			t.Errorf("all were served in fewer than three rounds")
		}
		if ref.Waiting() != 0 || ref.room.pacing.Load() || p.window.Load() != 0 {
			t.Errorf("%d wait, pacing %t, window %d, want none", ref.Waiting(), ref.room.pacing.Load(), p.window.Load())
		}
	})
}

func TestAFailingPeerGetsNoWiderWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		c, p := newRecovery(t, ref, openLimits, 100)
		for range 50 {
			c.next(t)
			ref.Release(p, Outcome{Failed: true})
			synctest.Wait()
			if got := p.InFlight(); got != paceStart {
				t.Fatalf("%d in flight, want %d", got, paceStart)
			}
		}
		<-time.After(10 * time.Second)
	})
}

func TestRequestsThatHangDoNotStopTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		start := time.Now()
		c, _ := newRecovery(t, ref, openLimits, 41)
		for range 41 {
			r := <-c.results // time passes
			if r.err != nil {
				t.Fatalf("ask %d: %v", r.id, r.err)
			}
			if want := start.Add(time.Duration(r.id/paceStart) * paceRefill); !r.at.Equal(want) {
				t.Errorf("ask %d was served after %v, want %v", r.id, r.at.Sub(start), want.Sub(start))
			}
		}
	})
}

// TestThePaceFailsNobody: who would time out, or find the queue full, while the
// pace alone holds back free slots is served.
func TestThePaceFailsNobody(t *testing.T) {
	t.Run("at queue_timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ref := newTestRef()
			limits := messages.Limits{Queue: 1000, QueueTimeout: paceRefill / 2}
			c, p := newRecovery(t, ref, limits, 50)
			for range 50 {
				if r := <-c.results; r.err != nil {
					t.Fatalf("ask %d: %v", r.id, r.err)
				}
			}
			if p.InFlight() != 50 {
				t.Errorf("%d in flight, want 50", p.InFlight())
			}
		})
	})
	t.Run("when the queue is full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ref := newTestRef()
			limits := messages.Limits{Queue: 20, MaxRequests: 6, QueueTimeout: time.Second}
			c, p := newRecovery(t, ref, limits, 20)
			for id := range paceStart { // fill the queue up again
				c.ask(100+id, nil)
			}
			for range 2 {
				if got := mustAcquire(t, ref, &Ask{}); got != p {
					t.Errorf("got %v", got)
				}
			}
			if _, err := ref.Acquire(&Ask{}); !errors.Is(err, ErrQueueFull) {
				t.Errorf("beyond the limit: %v, want %v", err, ErrQueueFull)
			}
			<-time.After(time.Minute)
		})
	})
}

func TestOnlyNewlyAvailablePeersArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ref := newTestRef()
		limits := messages.Limits{Queue: 1000, MaxRequests: 10}
		members := membersOf(ref, 1, 1)
		members[1].Available = false
		ref.Publish(snapshotOf(messages.RoundRobin, limits, members))
		old, back := members[0].Peer, members[1].Peer
		for range 10 {
			mustAcquire(t, ref, &Ask{})
		}
		back.inFlight.Store(2) // from before it went away
		c := newCrowd(ref)
		for id := range 50 {
			c.ask(id, nil)
		}
		members[1].Available = true
		ref.Publish(snapshotOf(messages.RoundRobin, limits, members))
		synctest.Wait()
		if old.window.Load() != 0 || back.window.Load() != 2+paceStart || back.InFlight() != 2+paceStart {
			t.Errorf("windows %d and %d, in flight %d; want 0, %d, %d",
				old.window.Load(), back.window.Load(), back.InFlight(), 2+paceStart, 2+paceStart)
		}
		// What the old peer finishes goes on at once and opens no window of the other.
		for range 5 {
			ref.Release(old, Outcome{})
			synctest.Wait()
			if old.InFlight() != 10 {
				t.Fatalf("%d in flight at the old peer, want 10", old.InFlight())
			}
		}
		if back.InFlight() != 2+paceStart {
			t.Errorf("%d in flight, want %d", back.InFlight(), 2+paceStart)
		}
		<-time.After(time.Minute)
	})
}
