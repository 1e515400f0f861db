package proxy

import (
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestBodiesAreRelayed(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	for _, c := range []struct {
		name    string
		method  string
		reply   reply
		body    string
		flushes int
	}{
		{"a body of known length is not flushed", "GET", reply{status: 200, body: long}, long, 0},
		{"a body of unknown length is flushed with its head and after each part", "GET", reply{status: 200, body: "abc", length: -1}, "abc", 2},
		{"a stream of events is flushed", "GET", reply{status: 200, body: "abc",
			header: []messages.HeaderField{{Name: "content-type", Value: "text/event-stream; charset=utf-8"}}}, "abc", 2},
		{"a response to HEAD has no body", "HEAD", reply{status: 200, length: 17}, "", 0},
		{"204 has no body", "GET", reply{status: 204, body: "never"}, "", 0},
		{"304 has no body", "GET", reply{status: 304, length: 5}, "", 0},
		{"an empty body", "GET", reply{status: 200}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, nil)
			b.codec.replies = []reply{c.reply}
			x, client := b.request(c.method, "/")
			b.serve(x)
			if client.status != c.reply.status || client.body.String() != c.body || len(client.flushes) != c.flushes || x.Aborted() {
				t.Errorf("status %d, body of %d bytes, flushed at %v, aborted %t", client.status, client.body.Len(), client.flushes, x.Aborted())
			}
		})
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	b := newBench(t, 1, nil)
	b.codec.replies = []reply{{reads: -1, status: 200, body: "x", length: -1, trailers: []messages.HeaderField{
		{Name: "Grpc-Status", Value: "0"}, {Name: "Transfer-Encoding", Value: "evil"}}}}
	x, client := b.request("POST", "/")
	b.withBody(x, "body")
	x.Request.Trailers = func() Fields { return Fields{} }
	b.serve(x)
	if diff := cmp.Diff([]messages.HeaderField{{Name: "Grpc-Status", Value: "0"}}, client.trailers); diff != "" {
		t.Error(diff)
	}
	if x.Request.Trailers == nil || b.codec.seen[0].body != "body" {
		t.Error("the request's trailers are lost")
	}
}

func TestBrokenResponsesBreakTheConnection(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply reply
		code  messages.Code
	}{
		{"reset", reply{status: 200, body: "ab", length: 9, bodyErr: io.ErrUnexpectedEOF}, messages.CodeReset},
		{"too slow", reply{status: 200, body: "ab", length: 9, bodyErr: os.ErrDeadlineExceeded}, messages.CodeReadTimeout},
		{"the codec's word", reply{status: 200, body: "ab", length: -1, bodyErr: &Failure{Code: messages.CodeBadResponse}}, messages.CodeBadResponse},
		{"too short", reply{status: 200, body: "ab", length: 9}, messages.CodeReset},
		{"too long", reply{status: 200, body: "abcdef", length: 3}, messages.CodeBadResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 2, nil)
			b.codec.replies = []reply{c.reply}
			x, client := b.request("GET", "/")
			b.serve(x)
			if !x.Aborted() || client.heads != 1 || x.core.trip.code != c.code || len(b.codec.seen) != 1 {
				t.Errorf("aborted %t, %d heads, code %q, %d attempts", x.Aborted(), client.heads, x.core.trip.code, len(b.codec.seen))
			}
			if p := b.registry.Ref("up").Peer(b.codec.seen[0].peer); p.Failures() != 1 || len(b.suspected) != 1 {
				t.Errorf("%d failures, suspected %v", p.Failures(), b.suspected)
			}
			if got := b.core.Totals(); got.Failed != 1 || countOf(b, "200") != 1 {
				t.Errorf("totals %+v", got)
			}
		})
	}
}

func TestClientThatCannotBeWrittenTo(t *testing.T) {
	for name, set := range map[string]func(c *fakeClient){
		"head": func(c *fakeClient) { c.headErr = io.ErrClosedPipe },
		"body": func(c *fakeClient) { c.writeErr = io.ErrClosedPipe },
	} {
		b := newBench(t, 1, nil)
		x, client := b.request("GET", "/")
		set(client)
		b.serve(x)
		if !x.Aborted() || x.core.trip.code != messages.CodeClientGone || b.registry.Ref("up").Peer("p1:80").Failures() != 0 {
			t.Errorf("%s: aborted %t, code %q", name, x.Aborted(), x.core.trip.code)
		}
	}
}

func TestServerErrorsCountAgainstThePeer(t *testing.T) {
	for status, want := range map[int]uint64{200: 0, 404: 0, 500: 0, 501: 0, 502: 1, 503: 1, 504: 1, 505: 0} {
		b := newBench(t, 1, nil)
		b.codec.replies = []reply{{status: status, body: "x"}}
		_, client := b.get("/")
		if got := b.registry.Ref("up").Peer("p1:80").Failures(); got != want || client.status != status || client.get("X-Weir-Error") != "" {
			t.Errorf("%d: %d failures, want %d; answered %d", status, got, want, client.status)
		}
	}
}

func TestImpossibleHeadsAreBadResponses(t *testing.T) {
	for name, r := range map[string]reply{
		"a status of two digits": {status: 42, body: "x"},
		"an informational":       {status: 103, body: "x"},
		"101 unasked":            {status: 101, tunnel: &closer{}},
		"no body": {do: func(x *Exchange) error {
			x.Response.Status = 200
			return nil
		}},
	} {
		b := newBench(t, 1, nil)
		b.codec.replies = []reply{r}
		if c, ok := r.tunnel.(*closer); ok {
			c.f = b.codec
		}
		x, client := b.request("GET", "/")
		b.serve(x)
		if client.status != 502 || client.get("X-Weir-Error") != "bad_response" {
			t.Errorf("%s: %d %q", name, client.status, client.get("X-Weir-Error"))
		}
	}
}

// closer is a tunnel of which only the closing matters.
type closer struct{ f *fakePeers }

func (c *closer) Read([]byte) (int, error)  { return 0, io.EOF }
func (c *closer) Write([]byte) (int, error) { return 0, io.EOF }
func (c *closer) Close() error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.f.closed++
	return nil
}

func (panicky) Read([]byte) (int, error)  { panic("read") }
func (panicky) Write([]byte) (int, error) { panic("write") }
func (panicky) Close() error              { panic("close") }

func TestOrdinaryResponseToAnUpgrade(t *testing.T) {
	b := newBench(t, 1, nil)
	b.codec.replies = []reply{{status: 400, body: "no"}}
	x, client := b.request("GET", "/")
	x.Request.Upgrade = "websocket"
	b.serve(x)
	if client.status != 400 || client.body.String() != "no" {
		t.Errorf("status %d %q", client.status, client.body.String())
	}
}
