package proxy

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestLeavingPeersAreToldToTheirCodec(t *testing.T) {
	b := newBench(t, 1, nil)
	b.core.Retire("up", "p1:80")
	b.core.Cut("up", "p1:80")
	b.core.Retire("none", "p1:80")
	b.core.Cut("none", "p1:80")
	if want := []string{"p1:80"}; !slices.Equal(b.codec.retired, want) || !slices.Equal(b.codec.cut, want) {
		t.Errorf("retired %v, cut %v", b.codec.retired, b.codec.cut)
	}
}

// TestWhatARemovedUpstreamLeftCanBeCut removes an upstream while a request is
// under way; its codec can be reached until that is over.
func TestWhatARemovedUpstreamLeftCanBeCut(t *testing.T) {
	b := newBench(t, 1, nil)
	b.codec.replies = []reply{{do: func(*Exchange) error {
		b.apply(messages.Desired{Routes: b.desired.Routes})
		for range 2 { // the collector must not take it, either
			runtime.GC()
			b.core.Cut("up", "p1:80")
		}
		return &Failure{Code: messages.CodeReset}
	}}}
	x, client := b.request("POST", "/")
	b.serve(x)
	if !b.codec.ended || len(b.codec.cut) != 2 {
		t.Errorf("closed %t, cut %v", b.codec.ended, b.codec.cut)
	}
	if client.status != 502 || client.get("X-Weir-Error") != "reset" {
		t.Errorf("the client got %d %q", client.status, client.get("X-Weir-Error"))
	}
	x.Reset()
	for deadline := time.Now().Add(10 * time.Second); len(b.core.former.of("up")) > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("the codec is still there though nobody holds it")
		}
	}
	if len(b.core.former.byName) != 0 {
		t.Errorf("left over: %v", b.core.former.byName)
	}
}
