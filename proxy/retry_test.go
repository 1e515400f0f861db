package proxy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

func TestRetryRules(t *testing.T) {
	statuses, _ := messages.ParseStatusSet("503")
	noRetry := messages.RetrySpec{}
	oneMore := messages.RetrySpec{Attempts: 1}
	refused, reset := failed(messages.CodeConnectRefused, true), failed(messages.CodeReset, false)
	declined := declinedByPeer()
	slow, late := failed(messages.CodeHeadTimeout, false), failed(messages.CodeWriteTimeout, false)
	busy := reply{status: 503, body: "busy"}
	big := strings.Repeat("x", largeWindow+1)
	small := strings.Repeat("y", largeWindow)
	reads := func(r reply, n int) reply { r.reads = n; return r }
	for _, c := range []struct {
		name     string
		method   string
		body     string
		change   func(u *messages.UpstreamSpec, r *messages.RouteSpec)
		replies  []reply
		attempts int
		status   int
		failure  messages.Code // X-Weir-Error
	}{
		{name: "no failure, no retry", method: "GET", attempts: 1, status: 200},
		{name: "a refused connection is repeated", method: "GET", replies: []reply{refused}, attempts: 2, status: 200},
		{name: "a refused connection is repeated for POST", method: "POST", body: "b", replies: []reply{refused, refused}, attempts: 3, status: 200},
		{name: "no more than the attempts", method: "GET", replies: []reply{refused, refused, refused}, attempts: 3, status: 502, failure: "connect_refused"},
		{name: "attempts 0 repeats nothing", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry = noRetry },
			replies: []reply{refused}, attempts: 1, status: 502, failure: "connect_refused"},
		{name: "the route overrides the upstream", method: "GET", change: func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Retry = &oneMore },
			replies: []reply{refused, refused}, attempts: 2, status: 502, failure: "connect_refused"},
		{name: "a reset is repeated for GET", method: "GET", replies: []reply{reset}, attempts: 2, status: 200},
		{name: "a reset is repeated for DELETE", method: "DELETE", replies: []reply{reset}, attempts: 2, status: 200},
		{name: "a reset is not repeated for POST", method: "POST", body: "b", replies: []reply{reset}, attempts: 1, status: 502, failure: "reset"},
		{name: "a reset is not repeated for PATCH", method: "PATCH", replies: []reply{reset}, attempts: 1, status: 502, failure: "reset"},
		{name: "a refusal after a pooled connection broke is repeated for GET", method: "GET", replies: []reply{failed(messages.CodeConnectRefused, false)}, attempts: 2, status: 200},
		{name: "a refusal after a pooled connection broke is not repeated for POST", method: "POST", body: "b",
			replies: []reply{failed(messages.CodeConnectRefused, false)}, attempts: 1, status: 502, failure: "connect_refused"},
		{name: "an unsent reset is repeated for POST", method: "POST", body: "b", replies: []reply{reads(failed(messages.CodeReset, true), -1)}, attempts: 2, status: 200},
		{name: "bad responses are not repeated", method: "GET", replies: []reply{failed(messages.CodeBadResponse, false)}, attempts: 1, status: 502, failure: "bad_response"},
		{name: "timeouts are not repeated", method: "GET", replies: []reply{slow}, attempts: 1, status: 504, failure: "head_timeout"},
		{name: "timeouts are repeated by choice", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.OnTimeout = true },
			replies: []reply{slow, late}, attempts: 3, status: 200},
		{name: "timeouts of POST are not", method: "POST", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.OnTimeout = true },
			replies: []reply{slow}, attempts: 1, status: 504, failure: "head_timeout"},
		{name: "statuses are passed on", method: "GET", replies: []reply{busy}, attempts: 1, status: 503},
		{name: "statuses are repeated by choice", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Statuses = statuses },
			replies: []reply{busy}, attempts: 2, status: 200},
		{name: "statuses of POST are passed on", method: "POST", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Statuses = statuses },
			replies: []reply{busy}, attempts: 1, status: 503},
		{name: "the last status is passed on as it is", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Statuses = statuses },
			replies: []reply{busy, busy, busy}, attempts: 3, status: 503},
		{name: "a status after a body that was read whole", method: "PUT", body: small, change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Statuses = statuses },
			replies: []reply{reads(busy, -1)}, attempts: 2, status: 200},
		{name: "a status while the body is still on its way", method: "PUT", body: small, change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Statuses = statuses },
			replies: []reply{reads(busy, 10)}, attempts: 1, status: 503},
		{name: "a body is given again from the start", method: "PUT", body: "hello", replies: []reply{reads(reset, 3), reads(reset, -1)}, attempts: 3, status: 200},
		{name: "a body that fills the window", method: "PUT", body: small, replies: []reply{reads(reset, -1)}, attempts: 2, status: 200},
		{name: "a part of a body larger than the window", method: "PUT", body: big, replies: []reply{reads(reset, 1000)}, attempts: 2, status: 200},
		{name: "a body beyond the window is lost", method: "PUT", body: big, replies: []reply{reads(reset, -1)}, attempts: 1, status: 502, failure: "reset"},
		{name: "the budget bounds repeats", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
			u.Retry.BudgetPerSecond, u.Retry.BudgetPercent = 0, 50
		},
			replies: []reply{reset}, attempts: 1, status: 502, failure: "reset"},
		{name: "the budget allows its share", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
			u.Retry.BudgetPerSecond, u.Retry.BudgetPercent = 0, 100
		},
			replies: []reply{reset, reset}, attempts: 2, status: 502, failure: "reset"},
		{name: "unsent attempts are free", method: "GET", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
			u.Retry.BudgetPerSecond, u.Retry.BudgetPercent = 0, 0
		},
			replies: []reply{refused, refused}, attempts: 3, status: 200},
		{name: "declined attempts are free, too", method: "POST", body: "b", replies: []reply{reads(declined, -1), declined, reads(refused, -1), refused}, attempts: 5, status: 200},
		{name: "what connected costs the budget, though nothing was done with it", method: "POST", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
			u.Retry.BudgetPerSecond, u.Retry.BudgetPercent = 0, 0
		},
			replies: []reply{failed(messages.CodeReset, true)}, attempts: 1, status: 502, failure: "reset"},
		{name: "declined attempts do not", method: "POST", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
			u.Retry.BudgetPerSecond, u.Retry.BudgetPercent = 0, 0
		},
			replies: []reply{declined}, attempts: 2, status: 200},
		{name: "attempts 0 holds for them, too", method: "POST", change: func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Attempts = 0 },
			replies: []reply{declined}, attempts: 1, status: 502, failure: "reset"},
		{name: "not for ever", method: "GET", replies: slices.Repeat([]reply{declined}, 9), attempts: 8, status: 502, failure: "reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 8, c.change)
			replies := slices.Clone(c.replies)
			if c.status == 200 {
				replies = append(replies, reply{status: 200, body: "ok", reads: -1})
			}
			b.codec.replies = replies
			x, client := b.request(c.method, "/")
			if c.body != "" {
				b.withBody(x, c.body)
			}
			b.serve(x)
			if len(b.codec.seen) != c.attempts || client.status != c.status || client.get("X-Weir-Error") != string(c.failure) {
				t.Errorf("%d attempts, status %d, %q; want %d, %d, %q", len(b.codec.seen), client.status, client.get("X-Weir-Error"), c.attempts, c.status, c.failure)
			}
			peers := b.codec.peers()
			slices.Sort(peers)
			if len(slices.Compact(peers)) != len(b.codec.seen) {
				t.Errorf("a peer was tried twice while others were left: %v", b.codec.peers())
			}
			if last := b.codec.seen[len(b.codec.seen)-1]; c.status == 200 && last.body != c.body {
				t.Errorf("the last peer got a body of %d bytes, want %d", len(last.body), len(c.body))
			}
			if got := b.core.Totals().Retried; got != uint64(c.attempts-1) {
				t.Errorf("%d retries counted, want %d", got, c.attempts-1)
			}
		})
	}
}

func TestPauseOnlyBeforePeersTriedAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, nil)
		refused := failed(messages.CodeConnectRefused, true)
		b.codec.replies = []reply{refused, refused}
		began := time.Now()
		x, client := b.request("GET", "/")
		b.serve(x)
		if took := time.Since(began); client.status != 200 || took < 37*time.Millisecond || took > 75*time.Millisecond {
			t.Errorf("status %d after %v, want 200 after two pauses", client.status, took)
		}
		b = newBench(t, 3, nil)
		b.codec.replies = []reply{refused, refused}
		began = time.Now()
		x, client = b.request("GET", "/")
		b.serve(x)
		if took := time.Since(began); client.status != 200 || took != 0 {
			t.Errorf("status %d after %v, want 200 at once", client.status, took)
		}
	})
}

func TestPauseEndsWithTheClientAndTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, nil)
		b.codec.replies = []reply{failed(messages.CodeConnectRefused, true)}
		x, client := b.request("GET", "/")
		done := make(chan struct{})
		x.Done = done
		time.AfterFunc(time.Millisecond, func() { close(done) })
		b.serve(x)
		if client.heads != 0 || !x.Aborted() || len(b.codec.seen) != 1 {
			t.Errorf("client gone: heads %d, aborted %t, %d attempts", client.heads, x.Aborted(), len(b.codec.seen))
		}
		b = newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Timeout = 10 * time.Millisecond })
		b.codec.replies = []reply{failed(messages.CodeConnectRefused, true)}
		x, client = b.request("GET", "/")
		began := time.Now()
		b.serve(x)
		if client.status != 502 || time.Since(began) != 0 {
			t.Errorf("no time for a pause: status %d after %v, want 502 at once", client.status, time.Since(began))
		}
	})
}

func TestRetryWithoutAnotherPeerAnswersTheFirstFailure(t *testing.T) {
	b := newBench(t, 1, nil)
	up := b.desired.Upstreams.At(0)
	b.codec.replies = []reply{{do: func(*Exchange) error {
		b.publish(up, 0)
		return &Failure{Code: messages.CodeConnectRefused, Unsent: true, Err: errors.New("no")}
	}}}
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 502 || client.get("X-Weir-Error") != "connect_refused" {
		t.Errorf("status %d %q", client.status, client.get("X-Weir-Error"))
	}
}

func TestStatusRetryKeepsTheResponseWhenNoSlotIsFree(t *testing.T) {
	statuses, _ := messages.ParseStatusSet("503")
	b := newBench(t, 1, func(u *messages.UpstreamSpec, _ *messages.RouteSpec) {
		u.Retry.Statuses, u.Limits.MaxRequests = statuses, 1
	})
	b.codec.replies = []reply{{status: 503, body: "busy"}}
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 503 || client.body.String() != "busy" || len(b.codec.seen) != 1 {
		t.Errorf("status %d %q, %d attempts", client.status, client.body.String(), len(b.codec.seen))
	}
}

func TestNoPauseWhileAPeerIsUntried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 2, nil)
		ref := b.registry.Ref("up")
		b.codec.replies = []reply{{do: func(x *Exchange) error {
			members := ref.Snapshot().Members()
			for i := range members {
				members[i].Available = members[i].Peer != x.Peer
			}
			ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: ref.Snapshot().Policy(), Members: members}))
			return &Failure{Code: messages.CodeConnectRefused, Unsent: true}
		}}}
		began := time.Now()
		x, client := b.request("GET", "/")
		b.serve(x)
		if took := time.Since(began); client.status != 200 || took != 0 {
			t.Errorf("status %d after %v, want 200 at once", client.status, took)
		}
	})
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i, unsent := range []bool{false, true, false} {
			b := newBench(t, 3, func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
				r.Timeout, u.Retry.Attempts = time.Second, 2-i
			})
			b.codec.replies = []reply{{do: func(x *Exchange) error {
				time.Sleep(time.Until(x.Deadline))
				return &Failure{Code: messages.CodeReset, Unsent: unsent}
			}}}
			x, client := b.request("GET", "/")
			b.serve(x)
			if client.status != 504 || client.get("X-Weir-Error") != "timeout" || len(b.codec.seen) != 1 {
				t.Errorf("unsent %t: status %d %q, %d attempts", unsent, client.status, client.get("X-Weir-Error"), len(b.codec.seen))
			}
			if b.registry.Ref("up").Peer(b.codec.seen[0].peer).Failures() != 1 {
				t.Error("the peer that took all the time is not blamed")
			}
		}
	})
	b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Timeout = 1 })
	x, client := b.request("GET", "/")
	b.serve(x)
	if client.status != 504 || len(b.codec.seen) != 0 {
		t.Errorf("no time at all: status %d, %d attempts", client.status, len(b.codec.seen))
	}
}

func TestWaitingEndsWhenASlotIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
			u.Limits.MaxRequests, r.Timeout = 1, time.Second
		})
		ref := b.registry.Ref("up")
		peer, err := ref.Acquire(&balance.Ask{})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(500*time.Millisecond, func() { ref.Release(peer, balance.Outcome{}) })
		began := time.Now()
		x, client := b.request("GET", "/")
		b.serve(x)
		if client.status != 200 || time.Since(began) != 500*time.Millisecond {
			t.Errorf("status %d after %v", client.status, time.Since(began))
		}
	})
}

func TestWaitingEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, func(u *messages.UpstreamSpec, r *messages.RouteSpec) {
			u.Limits.MaxRequests, r.Timeout = 1, time.Minute
		})
		occupyPeer(b)
		done := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(done) })
		began := time.Now()
		x, client := b.request("GET", "/")
		x.Done = done
		b.core.Serve(x)
		if client.heads != 0 || x.core.trip.code != messages.CodeClientGone || time.Since(began) != time.Second {
			t.Errorf("%d heads, code %q after %v", client.heads, x.core.trip.code, time.Since(began))
		}
	})
}
