package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// trap stands where a dead peer was: it fails probes and counts requests.
type trap struct {
	server           *http.Server
	requests, probes atomic.Int64
	done             chan struct{}
}

func setTrap(port int) (*trap, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("stand in for peer %d: %w", port, err)
	}
	t := &trap{done: make(chan struct{})}
	t.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			t.probes.Add(1)
		} else {
			t.requests.Add(1)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})}
	go func() {
		defer close(t.done)
		_ = t.server.Serve(l) // until end
	}()
	return t, nil
}

func (t *trap) end() {
	_ = t.server.Close() // its connections do not matter any more
	<-t.done
}

// killWeir kills weir with -9 while a peer is dead and requests come, and starts
// it again: the dead peer gets no request, because its verdict is remembered.
func (s *stage) killWeir(ctx context.Context) error {
	victim := s.peerPorts[2]
	s.peers[2].end()
	dead := fmt.Sprintf(`"addr":"127.0.0.1:%d","weight":1,"tier":0,"verdict":"unhealthy"`, victim)
	if err := until(ctx, 10*time.Second, "the killed peer is unhealthy", func() bool { return s.shows(ctx, dead) }); err != nil {
		return err
	}
	// The verdict is written behind; from here on nothing changes it.
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	t, err := setTrap(victim)
	if err != nil {
		return err
	}
	defer t.end()
	load, err := s.load(8)
	if err != nil {
		return err
	}
	defer load.end()
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := s.weir.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-s.weir.done
	if err := s.serve(ctx); err != nil {
		return err
	}
	requests, _, err := result(load) // those in flight at the kill had to fail
	if err != nil {
		return err
	}
	if err := until(ctx, 10*time.Second, "the peer was probed after the restart", func() bool { return t.probes.Load() > 0 }); err != nil {
		return err
	}
	say("kill -9 of weir and restart under load: %s requests, %d of them to the peer that was unhealthy before", requests, t.requests.Load())
	if n := t.requests.Load(); n > 0 {
		return fmt.Errorf("a peer that was unhealthy before the restart got %d requests\nweir printed:\n%s", n, s.weir.out)
	}
	return nil
}

// shows tells whether the admin API's picture of the upstream has a text.
func (s *stage) shows(ctx context.Context, text string) bool {
	return contains(fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/api/v1/upstreams/web", s.admin)), text)
}
