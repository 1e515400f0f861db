package nethttp_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

const short = 50 * time.Millisecond

// newExchange makes an exchange as a client codec would, to be sent to addr.
func newExchange(addr, method string, body io.Reader, length int64) *proxy.Exchange {
	x := &proxy.Exchange{Peer: balance.NewRegistry().Ref("u").Peer(addr), To: proxy.Destination{Addr: addr}}
	x.Request = proxy.Request{Method: method, Scheme: "http", Authority: "a", Path: "/", Proto: "HTTP/1.1", Body: body, ContentLength: length}
	return x
}

func newCodec(t testing.TB, tr messages.Transport) proxy.PeerCodec {
	c := nethttp.NewPeerCodec(keeping(tr), nethttp.PeerDeps{})
	t.Cleanup(c.Close)
	return c
}

// check compares a Failure with what is wanted of it.
func check(t *testing.T, err error, code messages.Code, unsent bool) {
	t.Helper()
	var f *proxy.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a Failure %s", err, code)
	}
	if f.Code != code || f.Unsent != unsent {
		t.Errorf("got %v (unsent %v), want %s (unsent %v)", f, f.Unsent, code, unsent)
	}
}

func TestFailuresAreToldApart(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	for _, tt := range []struct {
		name   string
		manner peertest.Manner
		limits messages.Transport
		edit   func(*proxy.Exchange)
		code   messages.Code
		unsent bool
	}{
		{"nobody listens", peertest.Refuse(), messages.Transport{}, nil, messages.CodeConnectRefused, true},
		{"reset before the head", peertest.ResetBeforeHead(), messages.Transport{}, nil, messages.CodeReset, false},
		{"closed before the head", peertest.Garbage(""), messages.Transport{}, nil, messages.CodeReset, false},
		{"cut within the head", peertest.Garbage("HTTP/1.1 200 OK\r\nContent-"), messages.Transport{}, nil, messages.CodeReset, false},
		{"no HTTP", peertest.Garbage("SSH-2.0-x\r\n\r\n"), messages.Transport{}, nil, messages.CodeBadResponse, false},
		{"another version", peertest.Garbage("HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"), messages.Transport{}, nil, messages.CodeBadResponse, false},
		{"nothing but hints", peertest.Garbage(strings.Repeat("HTTP/1.1 103 H\r\n\r\n", 101) + "HTTP/1.1 200 OK\r\n\r\n"), messages.Transport{},
			func(x *proxy.Exchange) { x.Client = &fakeClient{hint: func(int) {}} }, messages.CodeBadResponse, false},
		{"nothing but go on", peertest.Garbage(strings.Repeat("HTTP/1.1 100 C\r\n\r\n", 101) + "HTTP/1.1 200 OK\r\n\r\n"), messages.Transport{}, nil, messages.CodeBadResponse, false},
		{"a status that is none", peertest.Garbage("HTTP/1.1 001 OK\r\n\r\n"), messages.Transport{}, nil, messages.CodeBadResponse, false},
		{"a switch nobody asked for", peertest.Garbage("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), messages.Transport{}, nil, messages.CodeBadResponse, false},
		{"a head without end", peertest.Garbage("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10)), messages.Transport{}, nil, messages.CodeBadResponse, false},
		{"no head in time", peertest.Hang(), messages.Transport{ResponseTimeout: short}, nil, messages.CodeHeadTimeout, false},
		{"the deadline", peertest.Hang(), messages.Transport{ResponseTimeout: time.Minute},
			func(x *proxy.Exchange) { x.Deadline = time.Now().Add(short) }, messages.CodeTimeout, false},
		{"the client gone at once", peertest.OK(), messages.Transport{}, func(x *proxy.Exchange) { x.Done = closed }, messages.CodeClientGone, true},
		{"a path that is none", peertest.OK(), messages.Transport{}, func(x *proxy.Exchange) { x.Request.Path = "/a b" }, messages.CodeBadRequest, true},
		{"a field that is none", peertest.OK(), messages.Transport{}, func(x *proxy.Exchange) { x.Request.Header.Add("X", "a\nb") }, messages.CodeBadRequest, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := peertest.Start(t)
			peer.Set(tt.manner)
			x := newExchange(peer.Addr(), "GET", nil, 0)
			if tt.edit != nil {
				tt.edit(x)
			}
			check(t, newCodec(t, tt.limits).Send(x), tt.code, tt.unsent)
		})
	}
}

// fullListener returns the address of a listener whose queue is full, so that
// further connects wait.
func fullListener(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for full := false; !full; {
		c, err := net.DialTimeout("tcp", addr, short)
		if full = err != nil; !full {
			t.Cleanup(func() { _ = c.Close() })
		}
	}
	return addr
}

func TestConnectTimeout(t *testing.T) {
	addr := fullListener(t)
	for _, limits := range []messages.Transport{{ConnectionTimeout: short}, {TotalConnectionTimeout: short}} {
		check(t, newCodec(t, limits).Send(newExchange(addr, "GET", nil, 0)), messages.CodeConnectTimeout, true)
	}
}

func TestLocalhostIsDialledByName(t *testing.T) {
	peer := peertest.Start(t)
	_, port, _ := net.SplitHostPort(peer.Addr())
	x := newExchange("localhost:"+port, "GET", nil, 0)
	if err := newCodec(t, messages.Transport{ConnectionTimeout: patience}).Send(x); err != nil {
		t.Fatal(err)
	}
	_ = x.Response.Body.Close()
	check(t, newCodec(t, messages.Transport{}).Send(newExchange("no-such-name.invalid:80", "GET", nil, 0)), messages.CodeConnectFailed, true)
}

func TestWriteTimeout(t *testing.T) {
	peer := scripted(t)
	go func() { peer.accept() }() // takes the connection and reads nothing
	x := newExchange(peer.addr(), "POST", &endless{left: 1 << 40}, -1)
	check(t, newCodec(t, messages.Transport{WriteTimeout: short}).Send(x), messages.CodeWriteTimeout, false)
}

func TestFailuresWithinTheBody(t *testing.T) {
	const head = "HTTP/1.1 200 OK\nContent-Length: 10\n"
	for _, tt := range []struct {
		name, peer string
		limits     messages.Transport
		deadline   time.Duration
		code       messages.Code
		stay       bool // the peer keeps the connection open
	}{
		{"cut", head + "\nabc", messages.Transport{}, 0, messages.CodeReset, false},
		{"cut in chunks", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n", messages.Transport{}, 0, messages.CodeReset, false},
		{"chunks that are none", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\nxyz\n", messages.Transport{}, 0, messages.CodeBadResponse, true},
		{"silence", head + "\nabc", messages.Transport{ReadTimeout: short, TunnelTimeout: time.Minute}, 0, messages.CodeReadTimeout, true},
		{"silence of an event stream", head + "Content-Type: text/event-stream; charset=utf-8\n\nabc",
			messages.Transport{ReadTimeout: time.Minute, TunnelTimeout: short}, 0, messages.CodeReadTimeout, true},
		{"silence of gRPC", head + "Content-Type: application/grpc+proto\n\nabc",
			messages.Transport{ReadTimeout: time.Minute, TunnelTimeout: short}, 0, messages.CodeReadTimeout, true},
		{"silence of what is no stream", head + "Content-Type: application/grpc-web\n\nabc",
			messages.Transport{ReadTimeout: short, TunnelTimeout: time.Minute}, 0, messages.CodeReadTimeout, true},
		{"the deadline of gRPC", head + "Content-Type: application/grpc\n\nabc", messages.Transport{ReadTimeout: time.Minute}, 4 * short, messages.CodeTimeout, true},
		{"the deadline", head + "\nabc", messages.Transport{ReadTimeout: time.Minute}, 4 * short, messages.CodeTimeout, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := scripted(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				p := peer.accept()
				p.head()
				p.send("%s", tt.peer)
				if !tt.stay {
					_ = p.Close()
				}
			}()
			x := newExchange(peer.addr(), "GET", nil, 0)
			if tt.deadline > 0 {
				x.Deadline = time.Now().Add(tt.deadline)
			}
			if err := newCodec(t, tt.limits).Send(x); err != nil {
				t.Fatal(err)
			}
			<-done
			_, err := io.ReadAll(x.Response.Body)
			check(t, err, tt.code, false)
			_ = x.Response.Body.Close()
		})
	}
}

func TestEventStreamOutlivesReadTimeoutAndDeadline(t *testing.T) {
	peer := scripted(t)
	codec := newCodec(t, messages.Transport{ReadTimeout: short})
	x := newExchange(peer.addr(), "GET", nil, 0)
	x.Deadline = time.Now().Add(2 * time.Second)
	go func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n")
		time.AfterFunc(time.Until(x.Deadline)+short, func() { p.send("data"); _ = p.Close() })
	}()
	if err := codec.Send(x); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(x.Response.Body); string(got) != "data" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_ = x.Response.Body.Close()
}

// stalling is a request body that gives its text and then hangs until released.
// over notes that nobody may read any more.
// fakeClient is the client's side of an exchange that ends reads of a stalling body.
// TestStalePooledConnections has a peer close each connection as soon as it
// answered: no GET may fail, and a POST only after something of it was sent.
func TestStalePooledConnections(t *testing.T) {
	peer := peertest.Start(t)
	peer.Set(peertest.CloseAfter())
	codec := newCodec(t, messages.Transport{})
	lost := 0
	for i := range 500 {
		for _, method := range []string{"GET", "POST"} {
			var body io.Reader
			if method == "POST" {
				body = strings.NewReader("abc")
			}
			x := newExchange(peer.Addr(), method, body, int64(3*min(1, len(method)-3)))
			err := codec.Send(x)
			for err != nil {
				var f *proxy.Failure
				switch {
				case !errors.As(err, &f) || f.Code != messages.CodeReset:
					t.Fatalf("%s %d: %v", method, i, err)
				case method == "GET":
					t.Fatalf("GET %d failed: %v", i, err)
				case !f.Unsent:
					lost++
				}
				// Nothing sent: it may go again, with the body from the start.
				x = newExchange(peer.Addr(), method, strings.NewReader("abc"), 3)
				err = codec.Send(x)
			}
			if _, err := io.ReadAll(x.Response.Body); err != nil {
				t.Fatalf("%s %d: %v", method, i, err)
			}
			_ = x.Response.Body.Close()
		}
	}
	t.Logf("%d of 500 POSTs were sent on a connection that was being closed", lost)
}

func TestConnectionsAreReused(t *testing.T) {
	peer := peertest.Start(t)
	codec := newCodec(t, messages.Transport{IdleTimeout: time.Minute, ReadTimeout: short})
	for range 10 {
		x := newExchange(peer.Addr(), "POST", strings.NewReader("abc"), 3)
		if err := codec.Send(x); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, x.Response.Body)
		_ = x.Response.Body.Close()
	}
	if n := peer.Accepted(); n != 1 {
		t.Errorf("%d connections for 10 requests one after the other", n)
	}
	codec.Close()
	peer.AwaitConns(0)
}
