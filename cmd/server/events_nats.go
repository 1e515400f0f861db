package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/admin"
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

// mostLast is how many past events can be asked for without a time.
const mostLast = 1000

// fromNATS reads the stream of events without asking weir.
func (f *eventsFlags) fromNATS(ctx context.Context, env environment) error {
	if f.last < 0 || f.last > mostLast {
		return fmt.Errorf("--last: %d is not a number from 0 to %d", f.last, mostLast)
	}
	want := bus.ReplayRequest{Last: f.last, Upstream: f.upstream, Follow: !f.noFollow}
	if f.since != "" {
		since, err := f.from()
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
		if err := env.written.failed(); err != nil {
			return err
		}
	}
}

// from returns when the events wanted begin.
func (f *eventsFlags) from() (time.Time, error) {
	since, err := admin.ParseSince(f.since, time.Now())
	if err != nil {
		return time.Time{}, fmt.Errorf("--since: %w", err)
	}
	return since, nil
}
