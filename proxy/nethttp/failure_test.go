package nethttp_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
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
	x := &proxy.Exchange{Peer: balance.NewRegistry().Ref("u").Peer(addr)}
	x.Request = proxy.Request{Method: method, Scheme: "http", Authority: "a", Path: "/", Proto: "HTTP/1.1", Body: body, ContentLength: length}
	return x
}

func newCodec(t testing.TB, tr messages.Transport) proxy.PeerCodec {
	c := nethttp.NewPeerCodec(tr)
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

func TestConnectTimeout(t *testing.T) {
	// A listener whose queue is full lets further connects wait.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
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
			defer c.Close()
		}
	}
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
type stalling struct {
	text     string
	stuck    chan struct{} // closed when a read hangs
	release  chan struct{}
	readers  atomic.Int32
	finished atomic.Bool // no read is allowed any more
	bad      atomic.Bool
	code     messages.Code
}

func newStalling(text string) *stalling {
	return &stalling{text: text, stuck: make(chan struct{}), release: make(chan struct{})}
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.finished.Load() || s.readers.Add(1) != 1 {
		s.bad.Store(true)
	}
	defer s.readers.Add(-1)
	if s.text != "" {
		n := copy(p, s.text)
		s.text = s.text[n:]
		return n, nil
	}
	close(s.stuck)
	<-s.release
	s.text = "more" // a race, if anyone still reads
	return 0, &proxy.Failure{Code: s.code, Err: io.ErrClosedPipe}
}

// over notes that nobody may read any more.
func (s *stalling) over(t *testing.T) {
	t.Helper()
	if s.readers.Load() != 0 {
		t.Error("the body is still being read")
	}
	s.finished.Store(true)
}

// fakeClient is the client's side of an exchange that ends reads of a stalling body.
type fakeClient struct {
	proxy.ClientStream
	body *stalling
	hint func(int)
}

func (c *fakeClient) InterruptBody(code messages.Code) {
	c.body.code = code
	close(c.body.release)
}

func (c *fakeClient) Informational(status int, _ *proxy.Fields) error {
	c.hint(status)
	return nil
}

func TestNobodyReadsTheBodyAfterAFailure(t *testing.T) {
	peer := scripted(t)
	body := newStalling("abc")
	x := newExchange(peer.addr(), "POST", body, -1)
	x.Client = &fakeClient{body: body}
	go func() {
		p := peer.accept()
		p.head()
		<-body.stuck
		_ = p.Close()
	}()
	err := newCodec(t, messages.Transport{}).Send(x)
	body.over(t)
	check(t, err, messages.CodeReset, false)
	if body.code != messages.CodeReset || body.bad.Load() {
		t.Errorf("interrupted with %q, misread %v", body.code, body.bad.Load())
	}
}

func TestAReadUnderWayIsWaitedFor(t *testing.T) {
	peer := scripted(t)
	body := newStalling("abc")
	x := newExchange(peer.addr(), "POST", body, -1)
	go func() {
		p := peer.accept()
		p.head()
		<-body.stuck
		_ = p.Close()
		time.AfterFunc(short, func() { close(body.release) }) // the client's next bytes
	}()
	err := newCodec(t, messages.Transport{}).Send(x)
	body.over(t)
	check(t, err, messages.CodeReset, false)
}

func TestNobodyReadsTheBodyAfterClose(t *testing.T) {
	peer := scripted(t)
	body := newStalling("abc")
	x := newExchange(peer.addr(), "POST", body, -1)
	x.Client = &fakeClient{body: body}
	go func() {
		p := peer.accept()
		p.head()
		<-body.stuck
		p.send("HTTP/1.1 413 Too Large\nContent-Length: 3\n\nno\n")
	}()
	if err := newCodec(t, messages.Transport{}).Send(x); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(x.Response.Body); string(got) != "no\r" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_ = x.Response.Body.Close()
	body.over(t)
}

func TestTheClientsFaultIsNotThePeers(t *testing.T) {
	peer := peertest.Start(t)
	body := newStalling("abc")
	body.code = messages.CodeClientSlow
	close(body.release)
	x := newExchange(peer.Addr(), "POST", body, -1)
	check(t, newCodec(t, messages.Transport{}).Send(x), messages.CodeClientSlow, false)
}

func TestInformationalComesBeforeTheHeadAndNeverAfterAFailure(t *testing.T) {
	peer := scripted(t)
	go func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: l\n\n")
		_ = p.Close()
	}()
	x := newExchange(peer.addr(), "GET", nil, 0)
	var hints []int // a race, if told after Send returned
	x.Client = &fakeClient{hint: func(status int) { hints = append(hints, status) }}
	check(t, newCodec(t, messages.Transport{}).Send(x), messages.CodeReset, false)
	if len(hints) != 1 || hints[0] != 103 {
		t.Errorf("got %v, want 103 alone", hints)
	}
}

func TestAnInformationalResponseBeingSentIsWaitedFor(t *testing.T) {
	peer := scripted(t)
	go func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 103 Early Hints\n\n")
	}()
	x := newExchange(peer.addr(), "GET", nil, 0)
	x.Deadline = time.Now().Add(short)
	told := 0 // a race, if Send does not wait
	x.Client = &fakeClient{hint: func(int) {
		<-time.After(4 * short) // a client that takes it slowly
		told++
	}}
	check(t, newCodec(t, messages.Transport{}).Send(x), messages.CodeTimeout, false)
	if told != 1 {
		t.Errorf("told %d times when Send returned", told)
	}
}

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
