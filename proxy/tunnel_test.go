package proxy

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

// tunnelBench serves an upgrade; the test has the far ends of both streams.
func tunnelBench(t *testing.T, change func(u *messages.UpstreamSpec, r *messages.RouteSpec), done chan struct{}) (b *bench, x *Exchange, client, peer net.Conn, ended chan struct{}) {
	t.Helper()
	b = newBench(t, 1, change)
	client, near := net.Pipe()
	peer, far := net.Pipe()
	b.codec.replies = []reply{{status: 101, tunnel: far, header: []messages.HeaderField{
		{Name: "Connection", Value: "upgrade, X-Hop"}, {Name: "Upgrade", Value: "WebSocket"}, {Name: "X-Hop", Value: "1"}}}}
	x, fake := b.request("GET", "/", "Connection: Upgrade", "Upgrade: websocket")
	x.Request.Upgrade, x.Done, fake.tunnel = "websocket", done, near
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		b.core.Serve(x)
	}()
	return b, x, client, peer, ended
}

func TestTunnelCopiesBothWays(t *testing.T) {
	b, x, client, peer, ended := tunnelBench(t, nil, nil)
	swap := func(from, to net.Conn, text string) {
		t.Helper()
		go func() { _, _ = io.WriteString(from, text) }() // a failure shows as a read that differs
		got := make([]byte, len(text))
		if _, err := io.ReadFull(to, got); err != nil || string(got) != text {
			t.Fatalf("%q, %v; want %q", got, err, text)
		}
	}
	swap(client, peer, "hello")
	swap(peer, client, "welcome")
	swap(client, peer, "again")
	if n := b.registry.Ref("up").Peer("p1:80").InFlight(); n != 1 {
		t.Errorf("%d in flight during the tunnel, want 1", n)
	}
	_ = peer.Close()
	<-ended
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client's end: %v, want EOF", err)
	}
	if n := b.registry.Ref("up").Peer("p1:80").InFlight(); n != 0 {
		t.Errorf("%d in flight after the tunnel", n)
	}
	fake := x.Client.(*fakeClient)
	if diff := cmp.Diff([]string{"Connection: Upgrade", "Upgrade: WebSocket"}, lines(fake.header)); diff != "" || fake.status != 101 || x.Aborted() {
		t.Errorf("status %d, aborted %t, %s", fake.status, x.Aborted(), diff)
	}
	if countOf(b, "101") != 1 || x.core.trip.sent != 7 {
		t.Errorf("counted %v times, %d bytes", countOf(b, "101"), x.core.trip.sent)
	}
}

func TestTunnelIsCut(t *testing.T) {
	t.Run("after silence, which traffic either way ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			_, _, client, peer, ended := tunnelBench(t, func(u *messages.UpstreamSpec, _ *messages.RouteSpec) { u.Transport.TunnelTimeout = time.Minute }, nil)
			one := make([]byte, 1)
			for range 3 {
				time.Sleep(50 * time.Second)
				go func() { _, _ = client.Write([]byte("x")) }()
				if _, err := io.ReadFull(peer, one); err != nil {
					t.Fatal(err)
				}
			}
			<-ended
			if took := time.Since(began); took != 210*time.Second {
				t.Errorf("cut after %v, want 3m30s", took)
			}
		})
	})
	t.Run("when the client is gone", func(t *testing.T) {
		done := make(chan struct{})
		_, _, client, peer, ended := tunnelBench(t, nil, done)
		close(done)
		<-ended
		for _, c := range []net.Conn{client, peer} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("%v, want EOF", err)
			}
		}
	})
}

func TestTunnelHalfCloses(t *testing.T) {
	client, near := tcpPair(t)
	peer, far := tcpPair(t)
	p := &pipe{core: New(Deps{}), client: near, peer: far, began: time.Now(), stop: make(chan struct{})}
	ended := make(chan int64)
	go func() { ended <- p.run(nil, 0) }()
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(peer); err != nil || len(rest) != 0 {
		t.Fatalf("peer: %q, %v", rest, err)
	}
	if _, err := io.WriteString(peer, "still here"); err != nil {
		t.Fatal(err)
	}
	_ = peer.Close()
	if rest, err := io.ReadAll(client); err != nil || string(rest) != "still here" {
		t.Errorf("client: %q, %v", rest, err)
	}
	if n := <-ended; n != 10 {
		t.Errorf("%d bytes to the client", n)
	}
}

func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dialled.Close(), accepted.Close() })
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

func TestTunnelSurvivesAPanickingCodec(t *testing.T) {
	client, near := net.Pipe()
	b := newBench(t, 1, nil)
	p := &pipe{core: b.core, client: near, peer: panicky{}, began: time.Now(), stop: make(chan struct{})}
	p.run(nil, 0)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want EOF", err)
	}
	if !strings.Contains(b.logs.String(), "codec panicked in a tunnel") {
		t.Errorf("log %q", b.logs.String())
	}
}
