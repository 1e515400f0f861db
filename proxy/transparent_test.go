package proxy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

// fakeFinder finds what it is told.
type fakeFinder struct {
	mu     sync.Mutex
	found  []string
	err    error
	wait   chan struct{} // closed when Find waits; nil = it does not
	asked  []string
	closed int
}

func (f *fakeFinder) Find(ctx context.Context, authority string, port uint16) ([]string, error) {
	f.mu.Lock()
	f.asked = append(f.asked, authority+" "+string(rune('0'+port%10)))
	wait := f.wait
	f.mu.Unlock()
	if wait != nil {
		close(wait)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed > 0 {
		return nil, ErrFinderClosed
	}
	return f.found, f.err
}

func (f *fakeFinder) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

// openBench is a core with the one upstream "open", which is transparent.
func openBench(t *testing.T, finders ...*fakeFinder) *bench {
	t.Helper()
	b := newBench(t, 1, nil)
	b.core.newFinder = func(messages.Discovery) (Finder, error) {
		f := finders[0]
		if len(finders) > 1 {
			finders = finders[1:]
		}
		return f, nil
	}
	b.apply(openState("a.org"))
	return b
}

func openState(allow ...string) messages.Desired {
	return messages.Desired{
		Upstreams: messages.ListOf(messages.UpstreamSpec{Name: "open", Retry: messages.RetrySpec{Attempts: 2, BudgetPercent: 20, BudgetPerSecond: 3},
			Discovery: messages.Discovery{Kind: messages.DiscoverTransparent, Transparent: messages.Transparent{Allow: messages.ListOf(allow...)}}}),
		Routes: messages.ListOf(messages.RouteSpec{Name: "r", Upstream: "open", HostHeader: "keep"}),
	}
}

func TestATransparentRequestGoesWhereItsHostSays(t *testing.T) {
	f := &fakeFinder{found: []string{"192.0.2.1:80", "192.0.2.2:80"}}
	b := openBench(t, f)
	x, client := b.request("GET", "/")
	x.Request.Authority = "shop.example"
	x.Request.Header.Add("Via", "1.1 other")
	b.serve(x)
	if client.status != 200 || !slices.Equal(b.codec.peers(), []string{"192.0.2.1:80"}) || !slices.Equal(f.asked, []string{"shop.example 0"}) {
		t.Fatalf("got %d by %v, asked %v", client.status, b.codec.peers(), f.asked)
	}
	saw := b.codec.seen[0]
	if saw.authority != "shop.example" || saw.get("Via") != "1.1 other, "+b.core.via {
		t.Errorf("the peer saw %q and Via %q", saw.authority, saw.get("Via"))
	}
}

func TestARetryOfATransparentRequestTakesTheNextAddress(t *testing.T) {
	f := &fakeFinder{found: []string{"192.0.2.1:80", "192.0.2.2:80"}}
	b := openBench(t, f)
	refused := reply{failure: &Failure{Code: messages.CodeConnectRefused, Unsent: true}}
	b.codec.replies = []reply{refused, refused}
	x, client := b.request("POST", "/")
	b.serve(x)
	if client.status != 200 || !slices.Equal(b.codec.peers(), []string{"192.0.2.1:80", "192.0.2.2:80", "192.0.2.1:80"}) || len(f.asked) != 1 {
		t.Errorf("got %d by %v, asked %v", client.status, b.codec.peers(), f.asked)
	}
	if via := b.codec.seen[2].get("Via"); via != b.core.via {
		t.Errorf("Via: %q", via)
	}
}

func TestWhyATransparentRequestFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		code   messages.Code
		status int
	}{
		{"what the finder says", &Failure{Code: messages.CodeAddressForbidden, Err: errors.New("192.0.2.1 is for documentation")}, messages.CodeAddressForbidden, 403},
		{"a host that is not allowed", &Failure{Code: messages.CodeHostNotAllowed}, messages.CodeHostNotAllowed, 403},
		{"a name that does not exist", &Failure{Code: messages.CodeHostNotFound}, messages.CodeHostNotFound, 502},
		{"name servers that fail", &Failure{Code: messages.CodeLookupFailed}, messages.CodeLookupFailed, 502},
		{"garbage", &Failure{Code: messages.CodeBadRequest}, messages.CodeBadRequest, 400},
		{"no address and no error", nil, messages.CodeHostNotFound, 502},
		{"an error of no kind", errors.New("odd"), messages.CodeInternal, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := openBench(t, &fakeFinder{err: tt.err})
			x, client := b.request("GET", "/")
			b.serve(x)
			if client.status != tt.status || client.get("X-Weir-Error") != string(tt.code) || len(b.codec.peers()) > 0 {
				t.Errorf("got %d %s by %v", client.status, client.get("X-Weir-Error"), b.codec.peers())
			}
		})
	}
}

func TestALoopEndsWhereItBegan(t *testing.T) {
	f := &fakeFinder{found: []string{"192.0.2.1:80"}}
	b := openBench(t, f)
	x, client := b.request("GET", "/")
	x.Request.Header.Add("Via", "1.0 a")
	x.Request.Header.Add("VIA", "1.1 b, "+b.core.via+", 2 c")
	b.serve(x)
	if client.status != 508 || client.get("X-Weir-Error") != "loop" || len(f.asked) > 0 {
		t.Errorf("got %d %s, asked %v", client.status, client.get("X-Weir-Error"), f.asked)
	}
}

func TestNoEditHidesALoop(t *testing.T) {
	b := openBench(t, &fakeFinder{found: []string{"192.0.2.1:80"}})
	d := openState("a.org")
	r := d.Routes.At(0)
	r.RequestHeaders = messages.HeaderOps{Remove: messages.ListOf("Via")}
	b.apply(messages.Desired{Upstreams: d.Upstreams, Routes: messages.ListOf(r)})
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 200 || b.codec.seen[0].get("Via") != b.core.via {
		t.Errorf("got %d, Via %q", client.status, b.codec.seen[0].get("Via"))
	}
	x, client = b.request("GET", "/")
	x.Request.Header.Add("Via", b.core.via)
	b.serve(x)
	if client.status != 508 {
		t.Errorf("got %d", client.status)
	}
}

func TestAClientThatGoesEndsTheWaitForItsDestination(t *testing.T) {
	f := &fakeFinder{wait: make(chan struct{})}
	b := openBench(t, f)
	x, client := b.request("GET", "/")
	done := make(chan struct{})
	x.Done = done
	served := make(chan struct{})
	go func() {
		defer close(served)
		b.core.Serve(x)
	}()
	<-f.wait
	close(done)
	<-served
	if client.heads > 0 || !x.Aborted() {
		t.Errorf("answered with %d", client.status)
	}
}

func TestTheTimeOfARouteBoundsTheWaitForItsDestination(t *testing.T) {
	f := &fakeFinder{wait: make(chan struct{})}
	b := openBench(t, f)
	d := openState("a.org")
	r := d.Routes.At(0)
	r.Timeout = 10 * time.Millisecond
	b.apply(messages.Desired{Upstreams: d.Upstreams, Routes: messages.ListOf(r)})
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 504 || client.get("X-Weir-Error") != "timeout" {
		t.Errorf("got %d %s", client.status, client.get("X-Weir-Error"))
	}
}

func TestAFinderIsKeptWhileItFindsTheSame(t *testing.T) {
	first, second := &fakeFinder{found: []string{"192.0.2.1:80"}}, &fakeFinder{found: []string{"192.0.2.2:80"}}
	b := openBench(t, first, second)
	d := openState("a.org")
	up := d.Upstreams.At(0)
	up.Retry.Attempts = 1
	b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: d.Routes})
	old := b.core.table.Load().upstream("open")
	if old.finder != first || first.closed > 0 {
		t.Fatal("another retry policy made another finder")
	}
	b.apply(openState("b.org"))
	if first.closed != 1 || b.core.table.Load().upstream("open").finder != second {
		t.Fatalf("another list: closed %d times", first.closed)
	}

	// A request that began before the change is served by the new one.
	x, _ := b.request("GET", "/")
	x.core.begin(b.core, x)
	x.Upstream = old
	if code := b.core.acquireOpen(x); code != fine || x.core.trip.found[0] != "192.0.2.2:80" {
		t.Errorf("got %s, %v", code, x.core.trip.found)
	}

	b.apply(messages.Desired{})
	if second.closed != 1 {
		t.Errorf("removed: closed %d times", second.closed)
	}
	if code := b.core.acquireOpen(x); code != messages.CodeNoUpstream {
		t.Errorf("removed: got %s", code)
	}
}

func TestAFinderThatCannotBeMadeRefusesTheChange(t *testing.T) {
	first := &fakeFinder{found: []string{"192.0.2.1:80"}}
	b := openBench(t, first)
	b.core.newFinder = func(messages.Discovery) (Finder, error) { return nil, errors.New("allow[0]: not a host") }
	if err := b.core.Apply(openState("b/c")); err == nil || !strings.Contains(err.Error(), `upstream "open": allow[0]: not a host`) {
		t.Errorf("%v", err)
	}
	b.core.newFinder = nil
	if err := b.core.Apply(openState("c.org")); !errors.Is(err, errNoFinder) {
		t.Errorf("%v", err)
	}
	if first.closed > 0 {
		t.Error("the finder in use was closed")
	}

	// One that was made is closed when the change fails for another reason.
	made := &fakeFinder{}
	b.core.newFinder = func(messages.Discovery) (Finder, error) { return made, nil }
	d := openState("d.org")
	d.Routes = messages.ListOf(messages.RouteSpec{Name: "bad", Host: "a b", Upstream: "open"})
	if err := b.core.Apply(d); err == nil || made.closed != 1 || first.closed > 0 {
		t.Errorf("%v; closed %d and %d times", err, made.closed, first.closed)
	}
}
