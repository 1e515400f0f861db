package proxy

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// bench is a Core with fake peers around it.
type bench struct {
	t         testing.TB
	core      *Core
	registry  *balance.Registry
	codec     *fakePeers
	codecs    int
	suspected []messages.Suspected
	logs      bytes.Buffer
	listener  *Listener
	desired   messages.Desired
}

// newBench makes an upstream "up" with n peers p1:80, p2:80, ... and a route
// "r" for everything; change edits both before they are applied.
func newBench(t testing.TB, n int, change func(u *messages.UpstreamSpec, r *messages.RouteSpec)) *bench {
	t.Helper()
	b := &bench{t: t, registry: balance.NewRegistry(), codec: &fakePeers{}, listener: &Listener{Name: ":8080", Port: "8080"}}
	var mu sync.Mutex
	b.core = New(Deps{
		Registry:     b.registry,
		NewPeerCodec: func(messages.Transport, PeerCodec) PeerCodec { b.codecs++; return b.codec },
		Suspect: func(s messages.Suspected) {
			mu.Lock()
			defer mu.Unlock()
			b.suspected = append(b.suspected, s)
		},
		Logger: slog.New(slog.NewJSONHandler(&b.logs, nil)),
	})
	up := messages.UpstreamSpec{Name: "up", Algo: messages.Algo{Kind: messages.RoundRobin},
		Limits: messages.Limits{Queue: 10, QueueTimeout: time.Minute},
		Retry:  messages.RetrySpec{Attempts: 2, BudgetPercent: 20, BudgetPerSecond: 3}}
	route := messages.RouteSpec{Name: "r", Upstream: "up"}
	if change != nil {
		change(&up, &route)
	}
	b.publish(up, n)
	b.apply(messages.Desired{Upstreams: messages.ListOf(up), Routes: messages.ListOf(route)})
	return b
}

func (b *bench) publish(up messages.UpstreamSpec, n int) {
	ref := b.registry.Ref(up.Name)
	var members []balance.Member
	for i := range n {
		members = append(members, balance.Member{Peer: ref.Peer(peerName(i)), Weight: 1, Available: true})
	}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{
		Policy: balance.Policy{Algo: up.Algo, Limits: up.Limits}, Members: members, At: time.Now()}))
}

func peerName(i int) string { return "p" + string(rune('1'+i)) + ":80" }

func (b *bench) apply(d messages.Desired) {
	b.t.Helper()
	b.desired = d
	if err := b.core.Apply(d); err != nil {
		b.t.Fatal(err)
	}
}

// route returns a route of the table in force.
func (b *bench) route(name string) *route {
	b.t.Helper()
	t := b.core.table.Load()
	r := t.routes.find(t.hasher.of(name), name)
	if r == nil {
		b.t.Fatalf("there is no route %q", name)
	}
	return *r
}

// request makes an Exchange; lines are "Name: value".
func (b *bench) request(method, target string, lines ...string) (*Exchange, *fakeClient) {
	client := &fakeClient{}
	x := &Exchange{Listener: b.listener, Client: client, RemoteText: "192.0.2.7",
		Remote: netip.MustParseAddrPort("192.0.2.7:5555")}
	x.Request = Request{Method: method, Scheme: "http", Authority: "example.com", Proto: "HTTP/1.1"}
	x.Request.Path, x.Request.Query, x.Request.HasQuery = strings.Cut(target, "?")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		x.Request.Header.Add(name, value)
	}
	return x, client
}

func (b *bench) withBody(x *Exchange, body string) *Exchange {
	x.Request.Body, x.Request.ContentLength = strings.NewReader(body), int64(len(body))
	return x
}

// serve serves x and checks what must hold after every request.
func (b *bench) serve(x *Exchange) {
	b.t.Helper()
	client := x.Client.(*fakeClient)
	b.core.Serve(x)
	if client.heads > 1 {
		b.t.Errorf("the client got %d heads", client.heads)
	}
	if client.heads == 0 && !x.Aborted() {
		b.t.Error("the client got no answer, and its connection is kept")
	}
	b.idle()
}

// idle checks that every slot and every body was given back.
func (b *bench) idle() {
	b.t.Helper()
	for _, ref := range b.registry.Refs() {
		if s := ref.Snapshot(); s != nil {
			for _, m := range s.Members() {
				if n := m.Peer.InFlight(); n != 0 {
					b.t.Errorf("%s has %d requests in flight", m.Peer.Addr(), n)
				}
			}
		}
	}
	for name, r := range b.core.table.Load().routes.all() {
		if n := (*r).inFlight.Load(); n != 0 {
			b.t.Errorf("route %s has %d requests in flight", name, n)
		}
	}
	if b.codec.opened != b.codec.closed {
		b.t.Errorf("%d responses opened, %d closed", b.codec.opened, b.codec.closed)
	}
}

// get serves a GET and returns what the peer saw, which must be one request.
func (b *bench) get(target string, lines ...string) (sight, *fakeClient) {
	b.t.Helper()
	x, client := b.request("GET", target, lines...)
	b.codec.seen = nil
	b.serve(x)
	if len(b.codec.seen) != 1 {
		b.t.Fatalf("%s: %d attempts, want 1; answer %d %q", target, len(b.codec.seen), client.status, client.body.String())
	}
	return b.codec.seen[0], client
}

func declinedByPeer() reply {
	return reply{failure: &Failure{Code: messages.CodeReset, Unsent: true, Declined: true, Err: errors.New("GOAWAY")}}
}

func failed(code messages.Code, unsent bool) reply {
	return reply{failure: &Failure{Code: code, Unsent: unsent, Err: errors.New("10.9.8.7:80 says no")}}
}
