package health

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/weirproxy/weir/internal/meter"
)

func TestAShareIsAQuarterOfTheGate(t *testing.T) {
	for _, tt := range []struct{ limit, share int }{{0, DefaultCap / 4}, {-1, DefaultCap / 4}, {1, 1}, {3, 1}, {4, 1}, {8, 2}, {100, 25}} {
		if got := NewGate(tt.limit).Share().own.limit; got != tt.share {
			t.Errorf("limit %d: share %d, want %d", tt.limit, got, tt.share)
		}
	}
}

// enterAll starts n goroutines that enter share, one after the other, and
// returns a channel of their numbers in the order in which they got in.
func enterAll(ctx context.Context, share *Share, n int) <-chan int {
	in := make(chan int, n)
	for i := range n {
		go func() {
			if share.Enter(ctx) == nil {
				in <- i
			}
		}()
		synctest.Wait()
	}
	return in
}

func TestAShareCapsItsUpstreamAndServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate(8)
		share := gate.Share() // 2
		in := enterAll(t.Context(), share, 6)
		if len(in) != 2 {
			t.Fatalf("%d are in, want 2", len(in))
		}
		if err := gate.Share().Enter(t.Context()); err != nil {
			t.Fatalf("another upstream cannot enter: %v", err)
		}
		for want := range 6 {
			if got := <-in; got != want {
				t.Errorf("number %d got in, want %d: first come, first served", got, want)
			}
			share.Leave()
			synctest.Wait()
		}
		if taken, waiting := gate.slots.counts(); taken != 1 || waiting != 0 {
			t.Errorf("%d taken, %d waiting, want the one of the other upstream", taken, waiting)
		}
	})
}

func TestTheGateCapsAllUpstreamsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate(4) // shares of 1
		var shares []*Share
		entered := make(chan *Share, 6)
		for range 6 {
			share := gate.Share()
			shares = append(shares, share)
			go func() {
				if share.Enter(t.Context()) == nil {
					entered <- share
				}
			}()
			synctest.Wait()
		}
		if len(entered) != 4 {
			t.Fatalf("%d are in, want 4", len(entered))
		}
		samples := map[string]float64{}
		gate.Collect(func(s meter.Sample) { samples[s.Name] = s.Value })
		if samples["weir_probes_in_flight"] != 4 || samples["weir_probes_waiting"] != 2 {
			t.Errorf("metrics %v, want 4 in flight and 2 waiting", samples)
		}
		for i := range shares {
			if got := <-entered; got != shares[i] {
				t.Errorf("place %d went to another upstream than the one that came then", i)
			}
			shares[i].Leave()
			synctest.Wait()
		}
	})
}

func TestWhoGivesUpHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate(4)
		share := gate.Share() // 1
		others := []*Share{gate.Share(), gate.Share(), gate.Share()}
		for _, s := range append(others, share) {
			if err := s.Enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		late := gate.Share()
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		go func() { errs <- share.Enter(ctx) }() // waits for the share
		go func() { errs <- late.Enter(ctx) }()  // has its share, waits for the gate
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		}
		if err := share.Enter(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that is done already: got %v, want context.Canceled", err)
		}
		share.Leave()
		if err := late.Enter(t.Context()); err != nil {
			t.Errorf("the slot that became free cannot be taken: %v", err)
		}
		if taken, waiting := gate.slots.counts(); taken != 4 || waiting != 0 {
			t.Errorf("%d taken, %d waiting, want 4 and 0", taken, waiting)
		}
	})
}

func TestASlotGrantedToOneWhoGivesUpGoesToTheNext(t *testing.T) {
	s := newSlots(1)
	if err := s.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The race between a grant and the end of ctx, played by hand: first waits,
	// is granted the slot, and gives up nonetheless.
	granted := make(chan struct{})
	place := s.waiting.PushBack(granted)
	next := make(chan struct{})
	s.waiting.PushBack(next)
	s.release()
	<-granted
	s.giveUp(place, granted)
	select {
	case <-next:
	default:
		t.Error("the slot is lost: the next in the queue did not get it")
	}
}
