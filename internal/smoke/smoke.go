package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func smoke(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "weir-smoke-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the system's temporary folder
	t := tools{weir: filepath.Join(dir, "weir")}
	if t.wrk, err = find("wrk"); err != nil {
		return err
	}
	if t.nats, err = find("nats"); err != nil {
		return fmt.Errorf("%w; go install github.com/nats-io/natscli/nats@v0.5.1", err)
	}
	server := filepath.Join(dir, "nats-server")
	say("building weir and a NATS server")
	for path, from := range map[string]string{t.weir: "./cmd/server", server: "github.com/nats-io/nats-server/v2"} {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", path, from).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", from, err, out)
		}
	}
	if err := alone(ctx, filepath.Join(dir, "alone"), t); err != nil {
		return err
	}
	return external(ctx, filepath.Join(dir, "external"), t, server)
}

// alone is weir with its embedded NATS server.
func alone(ctx context.Context, dir string, t tools) error {
	s, err := newStage(dir, t, `{addr: "127.0.0.1:%d"}`)
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.serve(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.watch, s.allAnswer, s.killAndReturn, s.freeze, s.replay, s.killWeir, s.replay, s.stop} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// external is weir with a NATS server of its own that goes away and comes back.
func external(ctx context.Context, dir string, t tools, server string) error {
	s, err := newStage(dir, t, `{url: "nats://127.0.0.1:%d"}`)
	if err != nil {
		return err
	}
	defer s.end()
	say("weir with an external NATS server, which is not there yet")
	if err := s.serve(ctx); err != nil {
		return err
	}
	o := &outage{stage: s, server: server}
	defer o.end()
	for _, step := range []func(context.Context) error{s.allAnswer, o.begin, o.arrive, o.away, o.gone, s.killWeir, s.stop} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
