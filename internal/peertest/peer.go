package peertest

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Peer is a real HTTP/1.1 server.
type Peer struct {
	t    testing.TB
	addr string

	mu       sync.Mutex
	manner   Manner
	answer   func(Request) Response
	listener net.Listener // nil while connections are refused
	conns    map[net.Conn]struct{}
	accepted int
	requests []Request
	news     chan struct{} // closed, and made anew, when something was recorded
	closed   bool

	running sync.WaitGroup
	stop    chan struct{} // closed when the peer ends
}

// Request is a request that a peer saw.
type Request struct {
	// Conn numbers the connection it came on, from 1.
	Conn   int
	Method string
	// Target is the request target as it came.
	Target string
	Host   string
	// Header has canonical names, without Host, Transfer-Encoding and Trailer.
	Header http.Header
	// Chunked tells how the body came; ContentLength is -1 then.
	Chunked       bool
	ContentLength int64
	Body          []byte
	Trailer       http.Header
	At            time.Time
}

// Response is what a peer answers.
type Response struct {
	// Status is 200 unless set.
	Status int
	Header http.Header
	Body   []byte
}

// Start starts a peer that answers 200 with a short body. It ends with the test.
func Start(t testing.TB) *Peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start a peer: %v", err)
	}
	p := &Peer{t: t, addr: l.Addr().String(), conns: map[net.Conn]struct{}{}, news: make(chan struct{}), stop: make(chan struct{}), listener: l}
	p.Answer(Response{Body: []byte("ok\n")})
	p.running.Add(1)
	go p.accept(l)
	t.Cleanup(p.Close)
	return p
}

// Addr returns the peer's host:port. It stays the same as long as the peer lives.
func (p *Peer) Addr() string { return p.addr }

// Set says how the peer behaves from now on.
func (p *Peer) Set(m Manner) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.manner.kind == refuse
	p.manner = m
	switch now := m.kind == refuse; {
	case p.closed || was == now:
	case now:
		p.refuseLocked()
	default:
		p.reopenLocked()
	}
}

// Answer says what the peer answers while it is well.
func (p *Peer) Answer(r Response) { p.AnswerWith(func(Request) Response { return r }) }

// AnswerWith has f make the answers while the peer is well. f is called from
// several goroutines.
func (p *Peer) AnswerWith(f func(Request) Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// Requests returns the requests seen so far.
func (p *Peer) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Request(nil), p.requests...)
}

// Await returns the requests seen when there are at least n, and fails the test
// when that takes 10 s.
func (p *Peer) Await(n int) []Request {
	p.t.Helper()
	p.await("requests", func() (int, bool) { return len(p.requests), len(p.requests) >= n })
	return p.Requests()
}

// Conns returns how many connections are open.
func (p *Peer) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Accepted returns how many connections there have been.
func (p *Peer) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// AwaitConns waits until n connections are open, and fails the test when that
// takes 10 s.
func (p *Peer) AwaitConns(n int) {
	p.t.Helper()
	p.await("open connections", func() (int, bool) { return len(p.conns), len(p.conns) == n })
}

// await waits for a condition on what is recorded.
func (p *Peer) await(what string, met func() (int, bool)) {
	p.t.Helper()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for {
		p.mu.Lock()
		have, ok := met()
		news := p.news
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-news:
		case <-late.C:
			p.t.Fatalf("peer %s: waited 10 s in vain, has %d %s", p.addr, have, what)
		}
	}
}

// CutConns resets every open connection.
func (p *Peer) CutConns() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutLocked()
}

// Close ends the peer and waits for its goroutines. Further calls do nothing.
func (p *Peer) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
		if p.listener != nil {
			_ = p.listener.Close()
		}
		p.cutLocked()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Peer) noteLocked() {
	close(p.news)
	p.news = make(chan struct{})
}

func (p *Peer) refuseLocked() {
	_ = p.listener.Close()
	p.listener = nil
	p.cutLocked()
}

func (p *Peer) reopenLocked() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Errorf("peer %s: listen again: %v", p.addr, err)
		return
	}
	p.listener = l
	p.running.Add(1)
	go p.accept(l)
}

func (p *Peer) cutLocked() {
	for c := range p.conns {
		reset(c)
	}
}

// reset closes c with a reset.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
