package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Mood is how a sample peer behaves.
type Mood string

// The moods, each with what a client sees.
const (
	Well   Mood = "well"   // 200
	Sick   Mood = "sick"   // 503
	Hang   Mood = "hang"   // accepts, never answers
	Refuse Mood = "refuse" // nobody listens
)

// ErrMood is returned when a mood is not one of well, sick, hang, refuse.
var ErrMood = errors.New("not a mood; try well, sick, hang or refuse")

// Peer is a sample HTTP server whose mood can be changed, by SetMood or by a
// POST of /{mood} to its control address.
type Peer struct {
	name    string
	addr    string
	control *http.Server
	ctlAddr string

	mu     sync.Mutex
	mood   Mood
	turned chan struct{} // closed when the mood turns; hanging requests end then
	server *http.Server  // nil while refusing
	wg     sync.WaitGroup
}

// StartPeer starts a peer and its control on loopback, at the given ports or
// the next free ones.
func StartPeer(name string, port, controlPort int) (*Peer, error) {
	l, err := ListenNear(port)
	if err != nil {
		return nil, err
	}
	ctl, err := ListenNear(controlPort)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	p := &Peer{name: name, addr: l.Addr().String(), ctlAddr: ctl.Addr().String(), mood: Well, turned: make(chan struct{})}
	p.control = &http.Server{Handler: http.HandlerFunc(p.serveControl), ReadHeaderTimeout: 5 * time.Second}
	p.wg.Go(func() { _ = p.control.Serve(ctl) }) // ends with ErrServerClosed
	p.serve(l)
	return p, nil
}

// Addr is where the peer serves.
func (p *Peer) Addr() string { return p.addr }

// Control is where the peer takes orders.
func (p *Peer) Control() string { return p.ctlAddr }

// Mood returns the present mood.
func (p *Peer) Mood() Mood {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mood
}

// SetMood changes the mood; it is in force on return. It fails with ErrMood, or
// when the port is taken by somebody else as the peer wants to listen again.
func (p *Peer) SetMood(mood Mood) error {
	switch mood {
	case Well, Sick, Hang, Refuse:
	default:
		return fmt.Errorf("%q: %w", mood, ErrMood)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mood = mood
	close(p.turned)
	p.turned = make(chan struct{})
	if mood == Refuse {
		if p.server != nil {
			_ = p.server.Close() // cuts what is open, which is the point
			p.server = nil
		}
		return nil
	}
	if p.server == nil {
		l, err := net.Listen("tcp", p.addr)
		if err != nil {
			return fmt.Errorf("listen again: %w", err)
		}
		p.serve(l)
	}
	return nil
}

// Close ends the peer and waits for its goroutines.
func (p *Peer) Close() {
	_ = p.SetMood(Refuse)
	_ = p.control.Close()
	p.wg.Wait()
}

func (p *Peer) serve(l net.Listener) {
	server := &http.Server{Handler: http.HandlerFunc(p.serveHTTP), ReadHeaderTimeout: 5 * time.Second}
	p.server = server
	p.wg.Go(func() { _ = server.Serve(l) }) // ends with ErrServerClosed
}

func (p *Peer) serveHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	mood, turned := p.mood, p.turned
	p.mu.Unlock()
	switch mood {
	case Sick:
		http.Error(w, p.name+" is sick", http.StatusServiceUnavailable)
	case Hang:
		select {
		case <-turned:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "hello from %s (%s)\n", p.name, p.addr) // the client is gone: nobody to tell
	}
}

func (p *Peer) serveControl(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if err := p.SetMood(Mood(strings.Trim(r.URL.Path, "/"))); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	_, _ = fmt.Fprintf(w, "%s (%s) is %s\n", p.name, p.addr, p.Mood())
}

// ListenNear listens on loopback at port or at the next free one above it, of a hundred.
func ListenNear(port int) (net.Listener, error) {
	var lc net.ListenConfig
	var last error
	for p := port; p < port+100; p++ {
		l, err := lc.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no free port from %d to %d: %w", port, port+99, last)
}
