package proxy

import (
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// echoPeers answers every attempt from memory it has.
type echoPeers struct{}

var page = make([]byte, 512)

func (echoPeers) Send(x *Exchange) error {
	x.Response.Status, x.Response.ContentLength = 200, int64(len(page))
	x.Response.Header.Add("Content-Type", "text/plain")
	x.Response.Header.Add("Connection", "keep-alive")
	body := x.Client.(*flatClient)
	body.left = len(page)
	x.Response.Body = body
	return nil
}

func (echoPeers) Close()                       {}
func (echoPeers) SetLimits(messages.Transport) {}
func (echoPeers) Retire(string)                {}
func (echoPeers) Cut(string)                   {}

// flatClient is a client that throws away, and the body of its response.
type flatClient struct{ left int }

func (c *flatClient) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, page[:c.left])
	c.left -= n
	return n, nil
}
func (*flatClient) Close() error                                 { return nil }
func (*flatClient) Informational(int, *Fields) error             { return nil }
func (*flatClient) Head(*Response) error                         { return nil }
func (*flatClient) Write(p []byte) (int, error)                  { return len(p), nil }
func (*flatClient) Flush() error                                 { return nil }
func (*flatClient) Trailers(*Fields) error                       { return nil }
func (*flatClient) Tunnel(*Response) (io.ReadWriteCloser, error) { return nil, io.EOF }

// plainGet returns a function that serves one GET as a browser sends it, by a
// route with a timeout, a prefix to strip and header edits.
func plainGet(t testing.TB) func() {
	t.Helper()
	registry := balance.NewRegistry()
	core := New(Deps{Registry: registry, NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { return echoPeers{} }})
	ref := registry.Ref("up")
	members := []balance.Member{
		{Peer: ref.Peer("10.0.0.1:80"), Weight: 1, Available: true},
		{Peer: ref.Peer("10.0.0.2:80"), Weight: 2, Available: true},
	}
	algo := messages.Algo{Kind: messages.RoundRobin}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: balance.Policy{Algo: algo}, Members: members}))
	err := core.Apply(messages.Desired{
		Upstreams: messages.ListOf(messages.UpstreamSpec{Name: "up", Algo: algo, Retry: messages.RetrySpec{Attempts: 2}}),
		Routes: messages.ListOf(messages.RouteSpec{Name: "r", Host: "example.com", Upstream: "up", Timeout: time.Minute,
			Path: messages.PathRule{Kind: messages.PathPrefix, Value: "/v1/"}, StripPrefix: "/v1", MaxRequests: 10,
			RequestHeaders: messages.HeaderOps{Set: messages.ListOf(messages.HeaderField{Name: "X-Via", Value: "weir"})}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := &Listener{Name: ":8080", Port: "8080", Forwarded: true,
		Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	client, x, done := &flatClient{}, &Exchange{}, make(chan struct{})
	remote := netip.MustParseAddrPort("192.0.2.7:4711")
	return func() {
		x.Listener, x.Client, x.Remote, x.RemoteText, x.Done = listener, client, remote, "192.0.2.7", done
		x.Request.Method, x.Request.Scheme, x.Request.Authority, x.Request.Proto = "GET", "https", "Example.com:8443", "HTTP/1.1"
		x.Request.Path, x.Request.Query, x.Request.HasQuery = "/v1/users//%7Eme", "a=b", true
		for _, f := range browser {
			x.Request.Header.Add(f.Name, f.Value)
		}
		core.Serve(x)
		if x.Response.Status != 200 || x.Aborted() {
			t.Fatalf("status %d, aborted %t, code %q", x.Response.Status, x.Aborted(), x.core.trip.code)
		}
		x.Reset()
	}
}

var browser = []messages.HeaderField{
	{Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "text/html,*/*;q=0.8"},
	{Name: "Accept-Encoding", Value: "gzip, br"}, {Name: "Connection", Value: "keep-alive, X-Hop"},
	{Name: "X-Hop", Value: "1"}, {Name: "Cookie", Value: "a=1; b=2"}, {Name: "X-Forwarded-For", Value: "203.0.113.9"},
}

func TestServeDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget on purpose; the run without -race decides")
	}
	serve := plainGet(t)
	serve() // grows what is reused
	if n := testing.AllocsPerRun(1000, serve); n != 0 {
		t.Errorf("%v allocations for each request, want 0", n)
	}
}

func BenchmarkServe(b *testing.B) {
	serve := plainGet(b)
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}
