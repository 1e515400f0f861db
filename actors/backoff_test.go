package actors_test

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/actors"
)

func TestPauseDoublesUpToItsLimitAndSpreads(t *testing.T) {
	b := actors.Backoff{First: 50 * time.Millisecond, Max: time.Second}
	want := []time.Duration{50, 100, 200, 400, 800, 1000, 1000}
	differs := false
	for i, w := range want {
		w *= time.Millisecond
		got := b.Pause("system/upstreams/a", i+1)
		if got < w || got >= w+w/2 {
			t.Errorf("pause %d is %v, want from %v to %v", i+1, got, w, w+w/2)
		}
		differs = differs || got != b.Pause("system/upstreams/b", i+1)
	}
	if !differs {
		t.Errorf("two actors that crash together restart together each time")
	}
}
