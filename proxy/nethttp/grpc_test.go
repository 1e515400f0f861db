package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// overBoth runs f without and with TLS between weir and the peer.
func overBoth(t *testing.T, f func(t *testing.T, h *grpcHouse)) {
	for name, secure := range map[string]bool{"without TLS": false, "with TLS": true} {
		t.Run(name, func(t *testing.T) { f(t, openGRPC(t, plan{}, secure)) })
	}
}

// hurry bounds a call.
func hurry(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestGRPCUnary(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		ctx := hurry(t)
		checker := healthpb.NewHealthClient(h.conn)
		if got, err := checker.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil || got.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("got %v, %v", got, err)
		}
		if got, err := h.one(ctx, "hello"); err != nil || got != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
		var head, tail metadata.MD
		got, err := h.one(metadata.AppendToOutgoingContext(ctx, "x-asked", "1", "x-asked", "2", "x-raw-bin", "\x01\xfe"), "say", grpc.Header(&head), grpc.Trailer(&tail))
		if err != nil || got != "[1 254]" {
			t.Errorf("got %q, %v", got, err)
		}
		if fmt.Sprint(head["x-head"], head["x-raw-bin"], tail["x-tail"]) != "[1,2] [\x00\xff] [later]" {
			t.Errorf("got head %v, tail %v", head, tail)
		}
		if _, err := checker.Check(ctx, &healthpb.HealthCheckRequest{Service: "no such"}); status.Code(err) != codes.NotFound {
			t.Errorf("got %v, want a NotFound that came as trailers only", err)
		}
		if err := h.conn.Invoke(ctx, "/weir.test.Words/Nothing", word(""), word("")); status.Code(err) != codes.Unimplemented {
			t.Errorf("got %v", err)
		}
	})
}

func TestGRPCStatusDetails(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		_, err := h.one(hurry(t), "fail")
		st := status.Convert(err)
		if st.Code() != codes.FailedPrecondition || st.Message() != "not: 100% \u00fc\nfit" || len(st.Details()) != 1 {
			t.Fatalf("got %v %v", err, st.Details())
		}
		if detail, ok := st.Details()[0].(*healthpb.HealthCheckRequest); !ok || detail.Service != "a detail" {
			t.Errorf("got %v", st.Details())
		}
	})
}

func TestGRPCStreams(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		ctx := hurry(t)
		collect := h.stream(ctx, t, "Collect")
		for i := range 100 {
			if err := collect.SendMsg(word(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		_ = collect.CloseSend()
		if got, err := heard(collect); err != nil || len(strings.Fields(got)) != 100 {
			t.Errorf("got %q, %v", got, err)
		}
		split := h.stream(ctx, t, "Split")
		_ = split.SendMsg(word("a b c"))
		_ = split.CloseSend()
		for _, want := range []string{"a", "b", "c"} {
			if got, err := heard(split); err != nil || got != want {
				t.Errorf("got %q, %v", got, err)
			}
		}
		if _, err := heard(split); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want the end", err)
		}
		talk := h.stream(ctx, t, "Talk")
		for i := range 100 { // each word waits for the answer to the one before
			if err := talk.SendMsg(word(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			if got, err := heard(talk); err != nil || got != fmt.Sprint("re: ", i) {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		_ = talk.SendMsg(word("leave"))
		if _, err := heard(talk); status.Code(err) != codes.Aborted {
			t.Errorf("got %v", err)
		}
	})
}

func TestGRPCDeadlinesAndCancellation(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		soon, cancel := context.WithTimeout(t.Context(), 2*short)
		defer cancel()
		if _, err := h.one(soon, "wait"); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		_ = h.left(t) // the peer's call ended, too
		for _, method := range []string{"Split", "Talk", "Collect"} {
			ctx, leave := context.WithCancel(hurry(t))
			s := h.stream(ctx, t, method)
			_ = s.SendMsg(word("a wait"))
			if method == "Split" {
				_ = s.CloseSend()
			}
			var err error
			if method == "Collect" {
				_, err = s.Header()
			} else {
				_, err = heard(s)
			}
			if err != nil {
				t.Errorf("%s: %v", method, err)
			}
			leave()
			if _, err := heard(s); status.Code(err) != codes.Canceled {
				t.Errorf("%s: got %v", method, err)
			}
			if err := h.left(t); status.Code(err) != codes.Canceled && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: the peer got %v", method, err)
			}
		}
		if got, err := h.one(hurry(t), "still"); err != nil || got != "still" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestGRPCBigMessages(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		big := strings.Repeat("0123456789abcdef", 1<<20) // 16 MiB
		if got, err := h.one(hurry(t), big); err != nil || got != big {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

func TestGRPCManyStreamsAtOnce(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		const streams = 100
		ctx := hurry(t)
		var all, open sync.WaitGroup
		open.Add(streams)
		for i := range streams {
			all.Go(func() {
				s := h.stream(ctx, t, "Talk")
				for j := range 10 {
					say := fmt.Sprint(i, " ", j)
					if err := s.SendMsg(word(say)); err != nil {
						t.Errorf("stream %d: %v", i, err)
						return
					}
					if got, err := heard(s); err != nil || got != "re: "+say {
						t.Errorf("stream %d: got %q, %v", i, got, err)
						return
					}
					if j == 0 { // all are open at the same time
						open.Done()
						open.Wait()
					}
				}
				_ = s.CloseSend()
				if _, err := heard(s); !errors.Is(err, io.EOF) {
					t.Errorf("stream %d ended with %v", i, err)
				}
			})
		}
		all.Wait()
	})
}

// TestGRPCClientsAreToldInTheirOwnWords has weir itself refuse a call.
func TestGRPCClientsAreToldInTheirOwnWords(t *testing.T) {
	dead := scripted(t)
	addr := dead.addr()
	_ = dead.l.Close()
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}, transport: messages.Transport{ALPN: messages.H2}}, addr)
	conn := dialGRPC(t, manner{}, nil, h.addr)
	err := conn.Invoke(hurry(t), "/weir.test.Words/One", word("hello"), word(""))
	if got := status.Convert(err); got.Code() != codes.Unavailable || got.Message() != "connect_refused: the server cannot be reached" {
		t.Errorf("got %v", err)
	}
}

// TestGRPCPeerLeavesGently has the server send GOAWAY while calls go on.
func TestGRPCPeerLeavesGently(t *testing.T) {
	h := openGRPC(t, plan{retry: messages.RetrySpec{Attempts: 2}}, false)
	ctx := hurry(t)
	talk := h.stream(ctx, t, "Talk")
	_ = talk.SendMsg(word("a"))
	if _, err := heard(talk); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		h.server.GracefulStop()
	}()
	eventually(t, "new calls are refused", func() bool {
		_, err := h.one(ctx, "b")
		return status.Code(err) == codes.Unavailable
	})
	_ = talk.SendMsg(word("c"))
	if got, err := heard(talk); err != nil || got != "re: c" {
		t.Errorf("got %q, %v: the call that was under way is broken", got, err)
	}
	_ = talk.CloseSend()
	if _, err := heard(talk); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	<-stopped
}

// TestGRPCDeadlineOfThePeer has the peer end a call whose client goes on sending.
func TestGRPCPeerEndsACallThatGoesOn(t *testing.T) {
	overBoth(t, func(t *testing.T, h *grpcHouse) {
		s := h.stream(hurry(t), t, "Talk")
		_ = s.SendMsg(word("leave"))
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if err := s.SendMsg(word("more")); err != nil {
				break
			}
		}
		var err error
		for err == nil {
			_, err = heard(s)
		}
		if status.Code(err) != codes.Aborted {
			t.Errorf("got %v", err)
		}
	})
}
