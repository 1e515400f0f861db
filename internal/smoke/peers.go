package main

import (
	"context"
	"fmt"
	"regexp"
	"syscall"
	"time"
)

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
	victim := s.peerPorts[0]
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
	victim := s.peerPorts[1]
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
