package upstream

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// emptied is a world whose set became empty at noon.
func emptied(t *testing.T, spec messages.UpstreamSpec) *world {
	w := newWorld(t, spec)
	w.find("old:1")
	w.decide("old:1", messages.Healthy)
	w.find()
	return w
}

// patient is an upstream whose requests wait for a peer.
func patient() messages.UpstreamSpec {
	spec := web()
	spec.Limits = messages.Limits{Queue: 10, QueueTimeout: 2 * time.Second}
	return spec
}

func TestAPeerThatRefillsASetMustBeHealthyFirst(t *testing.T) {
	w := emptied(t, patient())
	w.find("new:1", "new:2")
	w.available()
	if got, want := w.pool.wakes(), noon.Add(2*time.Second); !got.Equal(want) {
		t.Errorf("wakes at %v, want %v", got, want)
	}
	w.decide("new:1", messages.Unhealthy)
	w.available()
	if w.ref.Snapshot().EmptySince().IsZero() {
		t.Error("one that does not listen yet ends the wait of all")
	}
	w.decide("new:2", messages.Healthy)
	w.available("new:2")
	w.decide("new:2", messages.Unhealthy)
	if !w.ref.Snapshot().EmptySince().IsZero() {
		t.Error("requests wait for a set that served already")
	}
	if got := w.pool.wakes(); !got.IsZero() {
		t.Errorf("wakes at %v, want never", got)
	}
}

func TestTheRefillOfASetEnds(t *testing.T) {
	w := emptied(t, patient())
	w.find("new:1")
	w.do(w.pool.due(noon.Add(2*time.Second - 1)))
	w.available()
	w.do(w.pool.due(noon.Add(2 * time.Second)))
	w.available("new:1") // unproven, and the only one

	w = emptied(t, patient())
	w.find("new:1")
	off := patient()
	off.Check.Kind = messages.CheckOff
	w.do(w.pool.ensure(off, noon))
	w.available("new:1")

	w = emptied(t, web()) // where nobody may wait
	w.find("new:1")
	w.available("new:1")
}

func TestARestartGoesOnWithTheRefill(t *testing.T) {
	w := emptied(t, patient())
	w.find("new:1")
	w.pool = newPool(w.ref, patient(), 2)
	w.do(w.pool.start(noon.Add(time.Second)))
	w.available()
	if got, want := w.pool.wakes(), noon.Add(2*time.Second); !got.Equal(want) {
		t.Errorf("wakes at %v, want %v", got, want)
	}
}

// Between the end of a container and the first breath of the next one, and
// until that listens.
func TestRequestsWaitForAPeerThatDoesNotListenYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, patient())
		began := time.Now()
		found := func(peers ...messages.PeerSpec) {
			w.do(w.pool.found(messages.PeersFound{Gen: w.pool.gen, Peers: messages.ListOf(peers...)}, time.Now()))
		}
		found(messages.PeerSpec{Addr: "old:1", Weight: 1})
		found()
		type answer struct {
			peer *balance.Peer
			err  error
			at   time.Duration
		}
		answers := make(chan answer, 2)
		ask := func() {
			peer, err := w.ref.Acquire(&balance.Ask{})
			answers <- answer{peer, err, time.Since(began)}
		}
		go ask()
		synctest.Wait()
		found(messages.PeerSpec{Addr: "new:1", Weight: 1})
		w.decide("new:1", messages.Unhealthy)
		go ask()
		synctest.Wait()
		if len(answers) > 0 {
			t.Fatalf("answered already: %+v", <-answers)
		}
		<-time.After(time.Second)
		w.decide("new:1", messages.Healthy)
		for range 2 {
			if got := <-answers; got.err != nil || got.peer.Addr() != "new:1" || got.at > 1500*time.Millisecond {
				t.Errorf("got %+v, want new:1 after a second", got)
			}
		}

		found()
		found(messages.PeerSpec{Addr: "dead:1", Weight: 1})
		w.decide("dead:1", messages.Unhealthy)
		began = time.Now()
		go ask()
		if got := <-answers; !errors.Is(got.err, balance.ErrNoPeer) || got.at != 2*time.Second {
			t.Errorf("got %+v, want ErrNoPeer when queue_timeout is over", got)
		}
	})
}
