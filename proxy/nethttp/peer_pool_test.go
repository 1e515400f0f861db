package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// tellConn answers with the connection that the request came on.
func tellConn(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }

// together makes n requests of which each waits for the others.
func together(t *testing.T, codec proxy.PeerCodec, addr string, n int) {
	t.Helper()
	sent := make([]*proxy.Exchange, n)
	for i := range sent {
		sent[i] = newRequest(addr, "", "GET")
		if err := codec.Send(sent[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range sent {
		_, _ = io.Copy(io.Discard, x.Response.Body)
		_ = x.Response.Body.Close()
	}
}

func TestTheConnectionFreedLastIsUsedNext(t *testing.T) {
	peer := serve(t, serving{h1: true}, tellConn)
	codec := peerCodec(t, messages.Transport{}, nethttp.PeerDeps{})
	together(t, codec, peer.addr, 5)
	used := map[string]bool{}
	for range 20 {
		_, conn := answered(t, codec, newRequest(peer.addr, "", "GET"))
		used[conn] = true
	}
	if len(used) != 1 || peer.accepted.Load() != 5 {
		t.Errorf("%d of %d connections were used", len(used), peer.accepted.Load())
	}
}

func TestNoMoreIsKeptThanWanted(t *testing.T) {
	one, two := serve(t, serving{h1: true}, tellConn), serve(t, serving{h1: true}, tellConn)
	codec := peerCodec(t, messages.Transport{MaxIdle: 3, MaxIdleTotal: 4}, nethttp.PeerDeps{})
	together(t, codec, one.addr, 6)
	eventually(t, "3 are left", func() bool { return one.open.Load() == 3 })
	together(t, codec, two.addr, 2) // in all there may be 4
	eventually(t, "2 and 2 are left", func() bool { return one.open.Load() == 2 && two.open.Load() == 2 })
	if n := codec.Stats().Open; n != 4 {
		t.Errorf("%d are counted", n)
	}
}

func TestNoneIsKept(t *testing.T) {
	for _, s := range []serving{{h1: true}, {h2: true}} {
		peer := serve(t, s, tellConn)
		tr := messages.Transport{MaxIdle: keepNone}
		if s.h2 {
			tr.ALPN = messages.H2
		}
		codec := peerCodec(t, tr, nethttp.PeerDeps{})
		together(t, codec, peer.addr, 3)
		together(t, codec, peer.addr, 2)
		if n := peer.accepted.Load(); n != 5 {
			t.Errorf("%d connections for 5 requests", n)
		}
		eventually(t, "none is left", func() bool { return peer.open.Load() == 0 && codec.Stats().Open == 0 })
	}
}

func TestUnusedConnectionsOfHTTP2AreClosedInTime(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	peer, codec := overH2(t, messages.Transport{IdleTimeout: short}, nil, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			close(began)
			<-end
		}
	})
	s := start(codec, peer.addr, "POST", nil)
	<-began
	for range 5 {
		<-time.After(short)
		answered(t, codec, newRequest(peer.addr, "", "GET"))
	}
	close(end)
	s.status(t)
	if peer.accepted.Load() != 1 {
		t.Errorf("%d connections: one in use was closed", peer.accepted.Load())
	}
	eventually(t, "it is closed", func() bool { return peer.open.Load() == 0 })
}

func TestDialsForAStampede(t *testing.T) {
	const requests, streams, dials = 250, 100, 3
	peer := serve(t, serving{h2: true}, tellConn)
	begun, all := make(chan struct{}, requests), make(chan struct{})
	deps := nethttp.PeerDeps{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		begun <- struct{}{}
		<-all // all of them are under way at once
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	codec := peerCodec(t, messages.Transport{ALPN: messages.H2, MaxH2Streams: streams}, deps)
	var done sync.WaitGroup
	for range requests {
		done.Go(func() { answered(t, codec, newRequest(peer.addr, "", "POST")) })
	}
	for range dials {
		<-begun
	}
	close(all)
	done.Wait()
	if n := peer.accepted.Load(); n != dials {
		t.Errorf("%d connections, want %d", n, dials)
	}
}

func TestADialThatFailsFailsAllWhoWaitForIt(t *testing.T) {
	waiting := make(chan struct{})
	deps := nethttp.PeerDeps{Dial: func(context.Context, string, string) (net.Conn, error) {
		<-waiting
		return nil, syscall.ECONNREFUSED
	}}
	codec := peerCodec(t, messages.Transport{ALPN: messages.H2}, deps)
	var all []*sending
	for range 20 {
		all = append(all, start(codec, "127.0.0.1:1", "POST", nil))
	}
	close(waiting)
	for _, s := range all {
		check(t, <-s.err, messages.CodeConnectRefused, true)
	}
}

func TestADialOutlivesTheRequestItWasFor(t *testing.T) {
	peer := serve(t, serving{h1: true}, tellConn)
	begun, goOn := make(chan struct{}, 2), make(chan struct{})
	deps := nethttp.PeerDeps{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		begun <- struct{}{}
		<-goOn
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	codec := peerCodec(t, messages.Transport{}, deps)
	x := newRequest(peer.addr, "", "POST")
	gone := make(chan struct{})
	x.Done = gone
	failed := make(chan error, 1)
	go func() { failed <- codec.Send(x) }()
	<-begun
	close(gone)
	check(t, <-failed, messages.CodeClientGone, true)
	close(goOn)
	eventually(t, "it is there", func() bool { return codec.Stats().Opened == 1 })
	answered(t, codec, newRequest(peer.addr, "", "POST"))
	if n := peer.accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTheProxyHeaderBindsAConnectionToItsClient(t *testing.T) {
	peer := scripted(t)
	deps := nethttp.PeerDeps{WriteProxyHeader: func(w io.Writer, v messages.ProxyProtocol, from, to netip.AddrPort) error {
		_, err := fmt.Fprintf(w, "%s %s %s\r\n", v, from, to)
		return err
	}}
	codec := peerCodec(t, messages.Transport{ProxyProtocol: messages.ProxyV1}, deps)
	ask := func(client string) *sending {
		s := &sending{x: newRequest(peer.addr(), "", "GET"), err: make(chan error, 1)}
		s.x.Remote = netip.MustParseAddrPort(client)
		go func() { s.err <- codec.Send(s.x) }()
		return s
	}
	conns := map[string]*wire{}
	for _, client := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:1", "192.0.2.1:2"} {
		s := ask(client)
		if conns[client] == nil {
			conns[client] = peer.accept()
			conns[client].exactly("v1 " + client + " 192.0.2.2:80\r\n")
		}
		conns[client].head()
		conns[client].send("HTTP/1.1 204 No Content\n\n")
		s.status(t)
	}
	bare := peerCodec(t, messages.Transport{ProxyProtocol: messages.ProxyV2}, nethttp.PeerDeps{})
	check(t, bare.Send(newRequest(peer.addr(), "", "GET")), messages.CodeConnectFailed, true)
	late := nethttp.PeerDeps{WriteProxyHeader: func(w io.Writer, _ messages.ProxyProtocol, _, _ netip.AddrPort) error {
		for { // nobody reads
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	}}
	stuck := peerCodec(t, messages.Transport{ProxyProtocol: messages.ProxyV2, TotalConnectionTimeout: short}, late)
	check(t, stuck.Send(newRequest(peer.addr(), "", "GET")), messages.CodeConnectTimeout, true)
	failing := nethttp.PeerDeps{WriteProxyHeader: func(io.Writer, messages.ProxyProtocol, netip.AddrPort, netip.AddrPort) error {
		return errors.New("no such version")
	}}
	bare = peerCodec(t, messages.Transport{ProxyProtocol: "v9"}, failing)
	check(t, bare.Send(newRequest(peer.addr(), "", "GET")), messages.CodeConnectFailed, true)
}

func TestStatsOfAPeerCodec(t *testing.T) {
	ca := newPeerCA(t)
	peer := serve(t, serving{h1: true, tls: secured(ca.issue(t, peerName, time.Now().Add(time.Hour)))}, tellConn)
	codec := peerCodec(t, messages.Transport{}, ca.trusting())
	for range 3 {
		answered(t, codec, newRequest(peer.addr, peerName, "GET"))
	}
	_ = codec.Send(newRequest(peer.addr, "other.test", "GET"))
	_ = codec.Send(newRequest("127.0.0.1:1", "", "GET"))
	got := codec.Stats()
	if got.Opened != 1 || got.Failed != 2 || got.Reused != 2 || got.Open != 1 || got.Handshakes != 1 || got.HandshakesFailed != 1 {
		t.Errorf("got %+v", got)
	}
	if got.Connect.Count != 2 || got.Connect.Sum <= 0 || got.Handshake.Count != 1 || got.Handshake.Sum <= 0 {
		t.Errorf("got %+v and %+v", got.Connect, got.Handshake)
	}
}

// What is spoken with the peers changed: connections of before stay while they are
// in use, and are told of as long.
func TestASuccessorGoesOnCounting(t *testing.T) {
	peer := serve(t, serving{h1: true}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	former := peerCodec(t, messages.Transport{}, nethttp.PeerDeps{})
	x := newRequest(peer.addr, "", "GET")
	if err := former.Send(x); err != nil {
		t.Fatal(err)
	}
	codec := peerCodec(t, messages.Transport{}, nethttp.PeerDeps{Former: former})
	former.Close()
	answered(t, codec, newRequest(peer.addr, "", "GET"))
	if s := codec.Stats(); s.Open != 2 || s.Opened != 2 {
		t.Errorf("counted %+v", s)
	}
	_ = x.Response.Body.Close() // nobody wants the rest
	eventually(t, "the one in use is closed", func() bool { return codec.Stats().Open == 1 })
}
