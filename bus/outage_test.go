package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/weirproxy/weir/bus"
)

func TestPublishWithoutAConnectionFailsAtOnce(t *testing.T) {
	b := start(t, nil)
	if !b.Connected() || connected(b) != 1 {
		t.Fatal("it says that it is not connected")
	}
	b.StopServer()
	// Nothing announces that the connection broke, so it is asked for again and
	// again. Writing makes the client notice.
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ; b.Connected(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited 10s for the connection to break")
		}
		_ = b.Publish("weir.evt.x", nil, nil) // may or may not fail yet
	}
	for range 10_000 { // far more than a buffer would take
		begin := time.Now()
		err := b.Publish("weir.evt.x", nil, make([]byte, 1<<10))
		if !errors.Is(err, bus.ErrNotConnected) {
			t.Fatalf("got %v, want %v", err, bus.ErrNotConnected)
		}
		if took := time.Since(begin); took > atOnce {
			t.Fatalf("it took %v", took)
		}
	}
	if connected(b) != 0 {
		t.Error("the metric says that it is connected")
	}
}

// atOnce is far longer than Publish takes, and far shorter than any time-out in it.
const atOnce = 500 * time.Millisecond
