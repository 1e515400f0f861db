package proxy

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

type panicky struct{}

func TestPanicsEndOneRequestOnly(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(b *bench, x *Exchange)
		status  int
		aborted bool
	}{
		{"in the body of the response", func(b *bench, _ *Exchange) {
			b.codec.replies = []reply{{do: func(x *Exchange) error {
				x.Response.Status, x.Response.ContentLength, x.Response.Body = 200, 5, io.NopCloser(panicky{})
				return nil
			}}}
		}, 200, true},
		{"in reading and closing the response", func(b *bench, _ *Exchange) {
			b.codec.replies = []reply{{do: func(x *Exchange) error {
				x.Response.Status, x.Response.ContentLength, x.Response.Body = 200, 5, panicky{}
				return nil
			}}}
		}, 200, true},
		{"in the client's head", func(_ *bench, x *Exchange) { x.Client = &panickyClient{} }, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.MaxRequests = 1 })
			x, client := b.request("GET", "/")
			c.prepare(b, x)
			b.core.Serve(x)
			if client.status != c.status || x.Aborted() != c.aborted {
				t.Errorf("status %d, aborted %t", client.status, x.Aborted())
			}
			b.idle()
			if !strings.Contains(b.logs.String(), "stack") {
				t.Errorf("log %q", b.logs.String())
			}
		})
	}
}

type panickyClient struct{ fakeClient }

func (*panickyClient) Head(*Response) error { panic("head") }

// TestEveryScriptEndsWell runs random scripts of failures: whatever happens,
// all slots come back, and the client gets one answer or is cut off.
func TestEveryScriptEndsWell(t *testing.T) {
	statuses, _ := messages.ParseStatusSet("5xx")
	codes := append(retryReasons[:], messages.CodeTimeout, messages.CodeClientGone, messages.CodeInternal)
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			b := newBench(t, 1+rng.IntN(3), func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
				u.Retry = messages.RetrySpec{Attempts: rng.IntN(4), OnTimeout: rng.IntN(2) == 0, BudgetPercent: 20, BudgetPerSecond: rng.IntN(3)}
				if rng.IntN(2) == 0 {
					u.Retry.Statuses = statuses
				}
				u.Limits = messages.Limits{MaxRequests: rng.IntN(3), Queue: rng.IntN(3), QueueTimeout: time.Second}
				r.Timeout = time.Duration(rng.IntN(2)) * 100 * time.Millisecond
				r.MaxRequests, r.MaxBody = rng.IntN(2)*5, int64(rng.IntN(2)*1000)
			})
			for range 1 + rng.IntN(6) {
				b.codec.replies = append(b.codec.replies, randomReply(rng, codes))
			}
			for range 3 {
				x, client := b.request([]string{"GET", "PUT", "POST", "HEAD"}[rng.IntN(4)], "/")
				if rng.IntN(2) == 0 {
					b.withBody(x, strings.Repeat("b", rng.IntN(100_000)))
				}
				done := make(chan struct{})
				if x.Done = done; rng.IntN(4) == 0 {
					close(done)
				}
				if rng.IntN(8) == 0 {
					client.writeErr = io.ErrClosedPipe
				}
				b.serve(x)
			}
			if got := b.core.Totals().Requests; got != 3 {
				t.Errorf("seed %d: %d requests counted", seed, got)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomReply(rng *rand.Rand, codes []messages.Code) reply {
	r := reply{reads: rng.IntN(3)*40_000 - 1, status: []int{200, 204, 404, 502, 503, 7}[rng.IntN(6)], body: "answer", length: int64(-rng.IntN(2))}
	switch rng.IntN(5) {
	case 0, 1:
		r.failure = &Failure{Code: codes[rng.IntN(len(codes))], Unsent: rng.IntN(2) == 0}
	case 2:
		r.bodyErr = io.ErrUnexpectedEOF
	case 3:
		if rng.IntN(2) == 0 {
			r.do = func(*Exchange) error { panic("by chance") }
		}
	}
	return r
}
