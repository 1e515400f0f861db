package proxy

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

// slowBody is the body of a client that takes its time.
type slowBody struct {
	io.Reader
	pause time.Duration
}

func (b slowBody) Read(p []byte) (int, error) {
	<-time.After(b.pause)
	return b.Reader.Read(p)
}

func TestWhoseTimeRanOut(t *testing.T) {
	late := &Failure{Code: messages.CodeTimeout}
	waits := func(*Exchange) error { <-time.After(2 * time.Second); return late }
	for _, c := range []struct {
		name     string
		upload   time.Duration // before the body comes
		download time.Duration // before the client took a part
		flush    time.Duration // or what was flushed
		reply    reply
		failures uint64
	}{
		{name: "the peer does not answer", reply: reply{do: waits}, failures: 1},
		{name: "the peer does not answer after a body", reply: reply{reads: -1, do: waits}, failures: 1},
		{name: "the body does not come", upload: 2 * time.Second, reply: reply{reads: -1, failure: late}},
		{name: "the body came in time, and the peer does not answer", upload: 300 * time.Millisecond, reply: reply{reads: -1, do: waits}, failures: 1},
		{name: "the response is not taken", download: 2 * time.Second, reply: reply{status: 200, body: "ab", length: -1, bodyErr: late}},
		{name: "the response is not taken when it is flushed", flush: 600 * time.Millisecond, reply: reply{status: 200, body: "ab", length: -1, bodyErr: late}},
		{name: "the response was taken, and does not go on", reply: reply{status: 200, body: "ab", length: -1, bodyErr: late}, failures: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, 1, func(_ *messages.UpstreamSpec, r *messages.RouteSpec) { r.Timeout = time.Second })
				b.codec.replies = []reply{c.reply}
				x, client := b.request("POST", "/")
				x.Request.Body, x.Request.ContentLength = slowBody{strings.NewReader("body"), c.upload}, 4
				client.slow, client.slowFlush = c.download, c.flush
				b.serve(x)
				if x.core.trip.code != messages.CodeTimeout {
					t.Errorf("code %q, want timeout", x.core.trip.code)
				}
				if got := b.registry.Ref("up").Peer("p1:80").Failures(); got != c.failures || len(b.suspected) != int(c.failures) {
					t.Errorf("%d failures, suspected %v; want %d", got, b.suspected, c.failures)
				}
			})
		})
	}
}
