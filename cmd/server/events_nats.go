package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/demo"
)

// natsFlags say which NATS to ask, and as whom.
type natsFlags struct {
	url, prefix, creds, nkey string
}

func (f *natsFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.url, "nats", "", "read from this NATS server, nats://[USER:PASSWORD@]HOST:PORT (also WEIR_NATS)")
	c.Flags().StringVar(&f.prefix, "prefix", bus.DefaultPrefix, "with --nats: the prefix of weir's subjects")
	c.Flags().StringVar(&f.creds, "creds", "", "with --nats: a credentials file")
	c.Flags().StringVar(&f.nkey, "nkey", "", "with --nats: a file with the seed of an NKey")
}

// fromNATS reads the stream of events without asking weir.
func (f *eventsFlags) fromNATS(ctx context.Context, env environment) error {
	want := bus.ReplayRequest{Last: f.last, Upstream: f.upstream, Follow: !f.noFollow}
	if f.since != "" {
		since, err := parseSince(f.since, time.Now())
		if err != nil {
			return err
		}
		want.Since, want.Last = since, 0
	} else if f.last == 0 {
		want.Since = time.Now() // nothing of the past
	}
	reader, err := bus.OpenReader(ctx, bus.ReaderConfig{URL: f.url, Prefix: f.prefix, Auth: bus.Auth{Creds: f.creds, NKey: f.nkey}})
	if err != nil {
		return fmt.Errorf("--nats: %w", err)
	}
	defer reader.Close()
	replay, err := reader.Replay(ctx, want)
	if err != nil {
		return fmt.Errorf("--nats: %w", err)
	}
	defer replay.Close()
	if !f.asJSON {
		f.note(env, "events in the stream of "+reader.Where())
	}
	if replay.CutOff() {
		f.note(env, cutOffText(replay.Oldest()))
	}
	screen := demo.NewScreen(env.stdout, false, env.colors(env.stdout))
	for {
		e, err := replay.Next(ctx)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case errors.Is(err, bus.ErrCaughtUp):
		case err != nil:
			return fmt.Errorf("%w: %w", errStreamEnded, err)
		case f.asJSON:
			env.printf("%s\n", e.Body)
		default:
			screen.Println(eventLine(screen, e.Body))
		}
	}
}

// parseSince reads how far back: a duration, or a time as RFC 3339 has it.
func parseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("--since: %q is neither a duration such as 1h30m nor a time such as 2026-01-31T12:00:00Z", text)
}
