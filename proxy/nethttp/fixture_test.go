package nethttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// house is a whole proxy: server, core and peer codec, on real sockets.
type house struct {
	server   *nethttp.Server
	core     *proxy.Core
	addr     string
	served   chan error
	log      *logBook
	registry *balance.Registry
	up       messages.UpstreamSpec
	route    messages.RouteSpec
}

// plan says what differs from the defaults.
type plan struct {
	server    nethttp.ServerConfig
	transport messages.Transport
	route     messages.RouteSpec
	retry     messages.RetrySpec
	limits    messages.Limits
	core      interface{ Serve(*proxy.Exchange) } // nil = the real one
	peers     nethttp.PeerDeps
}

// open starts a proxy in front of the peers at addrs. It ends with the test.
func open(t testing.TB, p plan, addrs ...string) *house {
	t.Helper()
	h := &house{served: make(chan error, 1), log: &logBook{}}
	registry := balance.NewRegistry()
	ref := registry.Ref("u")
	members := make([]balance.Member, 0, len(addrs))
	for _, addr := range addrs {
		members = append(members, balance.Member{Peer: ref.Peer(addr), Weight: 1, Available: true})
	}
	h.registry = registry
	policy := balance.Policy{Algo: messages.Algo{Kind: messages.RoundRobin}, Limits: p.limits}
	ref.Publish(balance.NewSnapshot(balance.SnapshotConfig{Policy: policy, Members: members, At: time.Now()}))
	h.core = proxy.New(proxy.Deps{Logger: slog.New(slog.NewTextHandler(h.log, nil)), Registry: registry, NewPeerCodec: p.newCodec})
	p.route.Name, p.route.Upstream = "r", "u"
	h.up = messages.UpstreamSpec{Name: "u", Algo: policy.Algo, Transport: p.transport, Retry: p.retry}
	h.route = p.route
	h.apply(t, messages.ListOf(h.up))
	if p.core == nil {
		p.core = h.core
	}
	p.server.Listener = &proxy.Listener{Name: "test", Port: "80"}
	p.server.Logger = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.server = nethttp.NewServer(p.server, p.core)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = l.Addr().String()
	go func() { h.served <- h.server.Serve(l) }()
	t.Cleanup(func() { h.close(t) })
	return h
}

func (p plan) newCodec(t messages.Transport, former proxy.PeerCodec) proxy.PeerCodec {
	d := p.peers
	d.Former, _ = former.(*nethttp.PeerCodec) // the core has no other
	return nethttp.NewPeerCodec(keeping(t), d)
}

// keepNone is the MaxIdle of tests that want no connection kept; in them 0 is the default.
const keepNone = -1

// keeping makes MaxIdle what configurations default it to.
func keeping(t messages.Transport) messages.Transport {
	switch t.MaxIdle {
	case 0:
		t.MaxIdle = 512
	case keepNone:
		t.MaxIdle = 0
	}
	return t
}

// apply puts these upstreams and the route in force.
func (h *house) apply(t testing.TB, ups messages.List[messages.UpstreamSpec]) {
	t.Helper()
	if err := h.core.Apply(messages.Desired{Upstreams: ups, Routes: messages.ListOf(h.route)}); err != nil {
		t.Fatal(err)
	}
}

// reload changes the transport of the upstream.
func (h *house) reload(t testing.TB, change func(*messages.Transport)) {
	t.Helper()
	change(&h.up.Transport)
	h.apply(t, messages.ListOf(h.up))
}

// close shuts down at once what is left.
func (h *house) close(t testing.TB) {
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.server.Shutdown(now); err != nil && !errors.Is(err, nethttp.ErrUnfinished) {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-h.served; err != nil {
		t.Errorf("Serve returned %v, want nil", err)
	}
	h.core.Close()
}

// logBook keeps what is logged.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wire is a raw connection, of a client or to one.
type wire struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, c)
}

func newWire(t testing.TB, c net.Conn) *wire {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, Conn: c, r: bufio.NewReader(c)}
}

// send writes text, in which lines may end with "\n" alone.
func (w *wire) send(format string, args ...any) {
	w.t.Helper()
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\r\n")
	if _, err := io.WriteString(w.Conn, text); err != nil {
		w.t.Errorf("send: %v", err)
	}
}

// head reads up to the empty line; lines end with "\n".
func (w *wire) head() string {
	w.t.Helper()
	var b strings.Builder
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			w.t.Errorf("read a head: %v after %q", err, b.String()+line)
			return b.String()
		}
		if line == "\r\n" {
			return b.String()
		}
		b.WriteString(strings.ReplaceAll(line, "\r\n", "\n"))
	}
}

// response reads a whole response to a request of that method.
func (w *wire) response(method string) (*http.Response, string) {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("read a response: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("read a response body: %v after %q", err, body)
	}
	return resp, string(body)
}

// ended tells whether the other side closed, well or not, and sent nothing more.
func (w *wire) ended() bool {
	n, err := io.Copy(io.Discard, w.r)
	var ne net.Error
	return n == 0 && !(errors.As(err, &ne) && ne.Timeout())
}

// broken reads on and tells whether the other side closed.
func (w *wire) broken() bool {
	_, err := io.Copy(io.Discard, w.r)
	var ne net.Error
	return !(errors.As(err, &ne) && ne.Timeout())
}

func (w *wire) exactly(want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(w.r, got); err != nil || string(got) != want {
		w.t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

// script is a peer of which the test plays every connection.
type script struct {
	t testing.TB
	l net.Listener
}

func scripted(t testing.TB) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &script{t: t, l: l}
}

func (s *script) addr() string { return s.l.Addr().String() }

func (s *script) accept() *wire {
	s.t.Helper()
	if err := s.l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	c, err := s.l.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	return newWire(s.t, c)
}
