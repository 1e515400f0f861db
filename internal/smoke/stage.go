package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const weirConf = `listeners: [{addr: "127.0.0.1:%[1]d"}]
routes: {web: {path: /, upstream: web}}
upstreams:
  web:
    addrs: ["127.0.0.1:%[2]d", "127.0.0.1:%[3]d", "127.0.0.1:%[4]d"]
    health_check: "http://web/healthz?check_frequency=500ms&read_timeout=1s&connection_timeout=1s"
    response_timeout: 2s
    retry: {attempts: 2, on: [timeout]}
nats: %[5]s
admin: {addr: "127.0.0.1:%[6]d"}
data_dir: %[7]s
`

// tools are the programs that all stages use.
type tools struct{ weir, nats, wrk string }

// stage is a running set-up: three nginx peers, weir, and the nats CLI as the
// reader of events.
type stage struct {
	dir   string
	tools tools
	// proxy, admin and nats are ports; peerPorts belong to peers.
	proxy, admin, nats int
	peerPorts          []int
	peers              []*process
	weir, watcher      *process
	// read is how much of the watcher's output earlier steps have dealt with.
	read int
}

// newStage starts the peers and writes the configuration. natsText is the value
// of the key nats, in which %d is the port.
func newStage(dir string, t tools, natsText string) (*stage, error) {
	ports, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, tools: t, proxy: ports[0], admin: ports[1], nats: ports[2], peerPorts: ports[3:]}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, weirConf, s.proxy, ports[3], ports[4], ports[5], fmt.Sprintf(natsText, s.nats), s.admin, filepath.Join(dir, "data"))
	if err := os.WriteFile(s.conf(), text, 0o600); err != nil {
		return nil, err
	}
	for _, port := range s.peerPorts {
		peer, err := nginx(dir, port)
		if err != nil {
			s.end()
			return nil, err
		}
		s.peers = append(s.peers, peer)
	}
	return s, nil
}

func (s *stage) conf() string    { return filepath.Join(s.dir, "weir.yaml") }
func (s *stage) url() string     { return fmt.Sprintf("http://127.0.0.1:%d/", s.proxy) }
func (s *stage) natsURL() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.nats) }

// serve starts weir and returns when it is ready.
func (s *stage) serve(ctx context.Context) (err error) {
	if s.weir, err = launch("weir", s.tools.weir, "serve", "-c", s.conf()); err != nil {
		return err
	}
	if err := until(ctx, 20*time.Second, "weir is ready", func() bool {
		return strings.Contains(fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", s.admin)), `"ready":true`)
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, s.weir.out)
	}
	return nil
}

// watch starts the outside reader of events.
func (s *stage) watch(ctx context.Context) (err error) {
	if s.watcher, err = launch("nats", s.tools.nats, "-s", s.natsURL(), "sub", "weir.evt.>"); err != nil {
		return err
	}
	if err := until(ctx, 10*time.Second, "the nats CLI is subscribed", func() bool {
		return strings.Contains(s.watcher.out.String(), "Subscribing")
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, s.watcher.out)
	}
	return nil
}

// allAnswer returns when all peers answer through weir.
func (s *stage) allAnswer(ctx context.Context) error {
	return until(ctx, 10*time.Second, "all peers answer through weir", func() bool { return s.answers(ctx, len(s.peers)) })
}

// answers tells whether n different peers answer through weir.
func (s *stage) answers(ctx context.Context, n int) bool {
	seen := map[string]bool{}
	for range 3 * n {
		if body := fetch(ctx, s.url()); strings.HasPrefix(body, "hello from") {
			seen[body] = true
		}
	}
	return len(seen) == n
}

// stop ends weir the way an operator does; it must drain and exit by itself.
func (s *stage) stop(ctx context.Context) error {
	if err := s.weir.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := until(ctx, 15*time.Second, "weir ended after SIGTERM", func() bool {
		select {
		case <-s.weir.done:
			return true
		default:
			return false
		}
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, s.weir.out)
	}
	if code := s.weir.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("weir ended with status %d\n%s", code, s.weir.out)
	}
	say("weir ended cleanly")
	return nil
}

func (s *stage) end() {
	for _, p := range append([]*process{s.watcher, s.weir}, s.peers...) {
		if p != nil {
			p.end()
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
