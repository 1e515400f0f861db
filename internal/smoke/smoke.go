package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// minRequests is the least that a run of wrk must get through: a proxy that hangs fails nothing.
const minRequests = 1000

const weirConf = `listeners: [{addr: "127.0.0.1:%[1]d"}]
routes: {web: {path: /, upstream: web}}
upstreams:
  web:
    addrs: ["127.0.0.1:%[4]d", "127.0.0.1:%[5]d", "127.0.0.1:%[6]d"]
    health_check: "http://web/?check_frequency=500ms&read_timeout=1s&connection_timeout=1s"
    response_timeout: 2s
    retry: {attempts: 2, on: [timeout]}
nats: {addr: "127.0.0.1:%[2]d"}
admin: {addr: "127.0.0.1:%[3]d"}
data_dir: %[7]s
`

// stage is the running set-up.
type stage struct {
	dir           string
	ports         []int // listener, nats, admin, three peers
	peers         []*process
	weir, watcher *process
	// read is how much of the watcher's output earlier steps have dealt with.
	read int
}

func smoke(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "weir-smoke-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the system's temporary folder
	s := &stage{dir: dir}
	defer s.end()
	if s.ports, err = freePorts(6); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	if err := s.killAndReturn(ctx); err != nil {
		return err
	}
	if err := s.freeze(ctx); err != nil {
		return err
	}
	return s.stop(ctx)
}

// start brings up the peers, weir and the outside reader of events.
func (s *stage) start(ctx context.Context) error {
	for _, port := range s.ports[3:] {
		peer, err := nginx(s.dir, port)
		if err != nil {
			return err
		}
		s.peers = append(s.peers, peer)
	}
	binary := filepath.Join(s.dir, "weir")
	say("building weir")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/server").CombinedOutput(); err != nil {
		return fmt.Errorf("build weir: %w\n%s", err, out)
	}
	conf := filepath.Join(s.dir, "weir.yaml")
	p := s.ports
	text := fmt.Appendf(nil, weirConf, p[0], p[1], p[2], p[3], p[4], p[5], filepath.Join(s.dir, "data"))
	if err := os.WriteFile(conf, text, 0o600); err != nil {
		return err
	}
	var err error
	if s.weir, err = launch("weir", binary, "serve", "-c", conf); err != nil {
		return err
	}
	if err := until(ctx, 20*time.Second, "weir is ready", func() bool {
		return strings.Contains(fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", p[2])), `"ready":true`)
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, s.weir.out)
	}
	reader, err := find("nats")
	if err != nil {
		return fmt.Errorf("%w; go install github.com/nats-io/natscli/nats@v0.5.1", err)
	}
	if s.watcher, err = launch("nats", reader, "-s", fmt.Sprintf("nats://127.0.0.1:%d", p[1]), "sub", "weir.evt.>"); err != nil {
		return err
	}
	if err := until(ctx, 10*time.Second, "the nats CLI is subscribed", func() bool {
		return strings.Contains(s.watcher.out.String(), "Subscribing")
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, s.watcher.out)
	}
	say("weir serves three nginx peers; the nats CLI reads weir.evt.>")
	return until(ctx, 10*time.Second, "all peers answer through weir", func() bool {
		return s.answers(ctx, 3)
	})
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

func (s *stage) url() string { return fmt.Sprintf("http://127.0.0.1:%d/", s.ports[0]) }

// killAndReturn kills a peer under load and brings it back: no request fails.
func (s *stage) killAndReturn(ctx context.Context) error {
	load, err := s.load(12)
	if err != nil {
		return err
	}
	defer load.end()
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	victim := s.ports[3]
	s.read = len(s.watcher.out.String())
	if err := s.peers[0].signal(syscall.SIGKILL); err != nil {
		return err
	}
	say("killed nginx %d", victim)
	if err := s.flip(ctx, victim, "unhealthy"); err != nil {
		return err
	}
	<-s.peers[0].done
	if s.peers[0], err = nginx(s.dir, victim); err != nil {
		return err
	}
	say("brought nginx %d back", victim)
	if err := s.flip(ctx, victim, "healthy"); err != nil {
		return err
	}
	requests, failed, err := result(load)
	if err != nil {
		return err
	}
	say("kill -9 and return: %s requests, %d failed", requests, failed)
	if failed != 0 {
		return fmt.Errorf("%d requests failed while a peer was killed and came back\n%s\nweir printed:\n%s", failed, load.out, s.weir.out)
	}
	return nil
}

// freeze stops a peer with SIGSTOP, which then accepts and never answers.
func (s *stage) freeze(ctx context.Context) error {
	load, err := s.load(10)
	if err != nil {
		return err
	}
	defer load.end()
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	victim := s.ports[4]
	s.read = len(s.watcher.out.String())
	if err := s.peers[1].signal(syscall.SIGSTOP); err != nil {
		return err
	}
	say("stopped nginx %d with SIGSTOP", victim)
	if err := s.flip(ctx, victim, "unhealthy"); err != nil {
		return err
	}
	if err := s.peers[1].signal(syscall.SIGCONT); err != nil {
		return err
	}
	if err := s.flip(ctx, victim, "healthy"); err != nil {
		return err
	}
	requests, failed, err := result(load)
	if err != nil {
		return err
	}
	say("SIGSTOP and SIGCONT: %s requests, %d failed (retried on timeout)", requests, failed)
	if failed != 0 {
		return fmt.Errorf("%d requests failed while a peer was frozen\n%s\nweir printed:\n%s", failed, load.out, s.weir.out)
	}
	return nil
}

// flip waits until the nats CLI printed the flip of a peer.
func (s *stage) flip(ctx context.Context, port int, to string) error {
	want := regexp.MustCompile(fmt.Sprintf(`"peer":\s*"127\.0\.0\.1:%d".*"to":\s*"%s"`, port, to))
	begun := time.Now()
	err := until(ctx, 10*time.Second, fmt.Sprintf("the nats CLI saw %d become %s", port, to), func() bool {
		return want.MatchString(s.watcher.out.String()[s.read:])
	})
	if err != nil {
		return fmt.Errorf("%w; it printed:\n%s\nweir printed:\n%s", err, s.watcher.out.String()[s.read:], s.weir.out)
	}
	s.read = len(s.watcher.out.String())
	say("the nats CLI saw 127.0.0.1:%d become %s after %v", port, to, time.Since(begun).Round(10*time.Millisecond))
	return nil
}

// load starts wrk for some seconds.
func (s *stage) load(seconds int) (*process, error) {
	wrk, err := find("wrk")
	if err != nil {
		return nil, err
	}
	return launch("wrk", wrk, "-t1", "-c16", fmt.Sprintf("-d%ds", seconds), "--timeout", "4s", s.url())
}

// result waits for wrk and reads how many requests it made and how many failed.
func result(load *process) (requests string, failed int, err error) {
	<-load.done
	text := load.out.String()
	m := regexp.MustCompile(`(\d+) requests in`).FindStringSubmatch(text)
	if m == nil {
		return "", 0, fmt.Errorf("wrk did not run:\n%s", text)
	}
	for _, line := range []string{`Non-2xx or 3xx responses: (\d+)`, `Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`} {
		for _, n := range submatches(line, text) {
			failed += n
		}
	}
	if n, _ := strconv.Atoi(m[1]); n < minRequests { // digits only
		return "", 0, fmt.Errorf("only %s requests came through:\n%s", m[1], text)
	}
	return m[1], failed, nil
}

func submatches(expr, text string) []int {
	m := regexp.MustCompile(expr).FindStringSubmatch(text)
	var numbers []int
	for i := 1; i < len(m); i++ {
		var n int
		_, _ = fmt.Sscan(m[i], &n) // the expression matches digits only
		numbers = append(numbers, n)
	}
	return numbers
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
