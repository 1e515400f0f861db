package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// replay reads the flips of the first peer, which was killed and came back, from
// the stream: with weir's own command and with the nats CLI.
func (s *stage) replay(ctx context.Context) error {
	victim := s.peerPorts[0]
	ours, err := run(ctx, s.tools.weir, "events", "--admin", fmt.Sprintf("http://127.0.0.1:%d", s.admin), "--since", "1h", "--upstream", "web", "--no-follow", "--json")
	if err != nil {
		return err
	}
	theirs, err := s.stored(ctx)
	if err != nil {
		return err
	}
	for reader, text := range map[string]string{"weir events --since 1h": ours, "nats sub --stream": theirs} {
		for _, to := range []string{"unhealthy", "healthy"} {
			if flips(text, victim, to) == 0 {
				return fmt.Errorf("%s does not show that 127.0.0.1:%d became %s; it printed:\n%s", reader, victim, to, text)
			}
		}
		if id := twice(text); id != "" {
			return fmt.Errorf("%s shows event %s twice:\n%s", reader, id, text)
		}
	}
	say("weir events and the nats CLI replay the flips of 127.0.0.1:%d", victim)
	return nil
}

// stored returns all events in the stream, as the nats CLI prints them.
func (s *stage) stored(ctx context.Context) (string, error) {
	count, err := run(ctx, s.tools.nats, "-s", s.natsURL(), "stream", "info", "WEIR_EVENTS", "--json")
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`"messages":\s*(\d+)`).FindStringSubmatch(count)
	if m == nil || m[1] == "0" {
		return "", fmt.Errorf("the stream is empty:\n%s", count)
	}
	return run(ctx, s.tools.nats, "-s", s.natsURL(), "sub", "weir.evt.>", "--stream", "WEIR_EVENTS", "--all", "--count", m[1], "--raw")
}

// flips counts the flips of a peer in a text of events.
func flips(text string, port int, to string) int {
	return len(regexp.MustCompile(fmt.Sprintf(`"peer":\s*"127\.0\.0\.1:%d","from":"[a-z]*","to":\s*"%s"`, port, to)).FindAllString(text, -1))
}

// twice returns an id that a text of events has twice, or "".
func twice(text string) string {
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`"id":\s*"([0-9a-f]+)"`).FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			return m[1]
		}
		seen[m[1]] = true
	}
	return ""
}

// run runs a program that ends by itself and returns what it printed.
func run(ctx context.Context, path string, args ...string) (string, error) {
	var errs strings.Builder
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", path, strings.Join(args, " "), err, out, &errs)
	}
	return string(out), nil
}
