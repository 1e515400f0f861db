package proxy

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

func TestAnswersToClientsOfGRPC(t *testing.T) {
	for _, c := range []struct {
		name, proto, kind, status string
		want                      int
	}{
		{"a call", "HTTP/2.0", "application/grpc", "14", 200},
		{"a call with a codec", "HTTP/2.0", "Application/gRPC+proto", "14", 200},
		{"a call with a parameter", "HTTP/2.0", "application/grpc; x=y", "14", 200},
		{"what only begins like one", "HTTP/2.0", "application/grpc-web", "", 503},
		{"what begins earlier", "HTTP/2.0", "application/gr", "", 503},
		{"over HTTP/1.1", "HTTP/1.1", "application/grpc", "", 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, nil)
			b.publish(b.desired.Upstreams.At(0), 0)
			x, client := b.request("POST", "/", "Content-Type: "+c.kind)
			x.Request.Proto = c.proto
			b.core.Serve(x)
			if client.status != c.want || client.get("Grpc-Status") != c.status || client.get("X-Weir-Error") != "no_peer" {
				t.Errorf("status %d, Grpc-Status %q, X-Weir-Error %q", client.status, client.get("Grpc-Status"), client.get("X-Weir-Error"))
			}
			if c.status != "" && (client.get("Grpc-Message") != "no_peer: no server is available" || client.body.Len() > 0) {
				t.Errorf("Grpc-Message %q, body %q", client.get("Grpc-Message"), client.body.String())
			}
			if b.core.Totals().Failed != 1 {
				t.Errorf("it does not count as failed")
			}
		})
	}
}

// A peer of gRPC resets the stream when the client's time is over: that is the
// client's doing.
func TestTheClientsOwnTime(t *testing.T) {
	resets := func(*Exchange) error {
		<-time.After(time.Second)
		return &Failure{Code: messages.CodeReset, Err: errors.New("CANCEL")}
	}
	for _, c := range []struct {
		given, status, code string
		failures            uint64
	}{
		{"1S", "4", "timeout", 0},
		{"2S", "14", "reset", 1},
		{"", "14", "reset", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 1, func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Retry.Attempts = 0 })
			b.codec.replies = []reply{{do: resets}}
			x, client := b.request("POST", "/", "Content-Type: application/grpc", "Grpc-Timeout: "+c.given)
			x.Request.Proto = "HTTP/2.0"
			b.serve(x)
			if client.get("Grpc-Status") != c.status || client.get("X-Weir-Error") != c.code {
				t.Errorf("%s: Grpc-Status %q, X-Weir-Error %q", c.given, client.get("Grpc-Status"), client.get("X-Weir-Error"))
			}
			if got := b.registry.Ref("up").Peer("p1:80").Failures(); got != c.failures || len(b.suspected) != int(c.failures) {
				t.Errorf("%s: %d failures, suspected %v", c.given, got, b.suspected)
			}
		})
	}
}

func TestGRPCTimeouts(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "3S": 3 * time.Second, "250m": 250 * time.Millisecond, "7u": 7 * time.Microsecond, "9n": 9,
		"0S": 0, "99999999S": 99999999 * time.Second, "99999999H": math.MaxInt64 / time.Hour * time.Hour, "": -1, "S": -1, "1": -1, "1s": -1, "-1S": -1, "+1S": -1, "100000000S": -1, "1 S": -1,
	} {
		got, ok := grpcTimeout(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %t; want %v", text, got, ok, want)
		}
	}
}
