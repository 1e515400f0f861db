package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/internal/demo"
)

// errStreamEnded is returned when the events of a running weir stop coming.
var errStreamEnded = errors.New("the event stream ended; weir stopped, or the connection broke")

// eventsFlags say which events to show.
type eventsFlags struct {
	clientFlags
	natsFlags
	since, upstream string
	noFollow        bool
	last            int
}

func eventsCommand(env environment) *cobra.Command {
	var flags eventsFlags
	c := &cobra.Command{
		Use:   "events",
		Short: "Show events: the last ones or those since a time, then those that come",
		Long: `Show events of a running weir, oldest first: the last 20, or all since a time
(--since 1h, --since 2026-01-31T12:00:00Z), then those that come. They are read
from the event stream, so they outlive restarts; when older events were removed
by the stream's limits, a line says so. Where events are not stored, those that
the process remembers are shown. --nats reads from a NATS server directly.`,
		Example: "  weir events --since 1h --upstream api\n  weir events --nats nats://127.0.0.1:4222 --since 24h --no-follow --json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if flags.url == "" && flags.admin == "" && flags.file == "" {
				if asked, _ := env.lookup("WEIR_ADMIN"); asked == "" {
					flags.url, _ = env.lookup("WEIR_NATS")
				}
			}
			if flags.url != "" {
				return flags.fromNATS(c.Context(), env)
			}
			return flags.fromAdmin(c.Context(), env)
		},
	}
	flags.clientFlags.add(c)
	flags.natsFlags.add(c)
	c.Flags().StringVar(&flags.since, "since", "", "show all events since then: a duration such as 1h, or a time (RFC 3339)")
	c.Flags().StringVar(&flags.upstream, "upstream", "", "only events of this upstream")
	c.Flags().BoolVar(&flags.noFollow, "no-follow", false, "end after the past events")
	c.Flags().IntVar(&flags.last, "last", 20, "how many past events to show without --since, at most 1000")
	c.MarkFlagsMutuallyExclusive("since", "last")
	c.MarkFlagsMutuallyExclusive("nats", "admin")
	return c
}

// fromAdmin asks the admin API, first for stored events.
func (f *eventsFlags) fromAdmin(ctx context.Context, env environment) error {
	client, err := f.client(env)
	if err != nil {
		return err
	}
	if !f.asJSON {
		f.note(env, "events of "+client.where)
	}
	query := url.Values{"stored": {"1"}}
	if f.since != "" {
		query.Set("since", f.since)
	} else {
		query.Set("last", strconv.Itoa(f.last))
	}
	if f.upstream != "" {
		query.Set("upstream", f.upstream)
	}
	if f.noFollow {
		query.Set("follow", "0")
	}
	var since time.Time
	if f.since != "" {
		if since, err = f.from(); err != nil {
			return err
		}
	}
	response, err := client.get(ctx, "/api/v1/events?"+query.Encode())
	var refused *refusedError
	if errors.As(err, &refused) && refused.code == "no_history" {
		f.note(env, "no history: "+refused.message+"; these are the events that the process remembers")
		query.Del("stored")
		if query.Has("since") {
			query.Del("since")
			query.Set("last", "1000") // those of before are left out as they come
		}
		response, err = client.get(ctx, "/api/v1/events?"+query.Encode())
	}
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return f.print(ctx, env, response.Body, since)
}

// note tells something about the events, beside them.
func (f *eventsFlags) note(env environment, text string) {
	_, _ = fmt.Fprintln(env.stderr, text) // the terminal is gone: nobody to tell
}

// print prints server-sent events that did not happen before since, until the
// stream or ctx ends.
func (f *eventsFlags) print(ctx context.Context, env environment, body io.Reader, since time.Time) error {
	screen := demo.NewScreen(env.stdout, false, env.colors(env.stdout))
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	kind := ""
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			kind = ""
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case kind == "lost" || kind == "cut_off" || kind == "broken":
			if err := f.remark(env, kind, []byte(data)); err != nil {
				return err
			}
		case happenedBefore([]byte(data), since):
		case f.asJSON:
			env.printf("%s\n", data)
		default:
			screen.Println(eventLine(screen, []byte(data)))
		}
		if err := env.written.failed(); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil, f.noFollow && lines.Err() == nil:
		return nil
	case lines.Err() != nil:
		return fmt.Errorf("%w: %w", errStreamEnded, lines.Err())
	}
	return errStreamEnded
}

// happenedBefore tells whether an event is older than a time. What has no time is not.
func happenedBefore(body []byte, at time.Time) bool {
	var e event
	return !at.IsZero() && json.Unmarshal(body, &e) == nil && e.Time.Before(at)
}

// remark tells what the stream says about itself.
func (f *eventsFlags) remark(env environment, kind string, data []byte) error {
	var about struct {
		Lost    uint64    `json:"lost"`
		Oldest  time.Time `json:"oldest"`
		Message string    `json:"message"`
	}
	if err := json.Unmarshal(data, &about); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	switch kind {
	case "lost":
		f.note(env, fmt.Sprintf("%d events were lost: this reader was too slow", about.Lost))
	case "cut_off":
		f.note(env, cutOffText(about.Oldest))
	case "broken":
		return fmt.Errorf("%w: %s", errStreamEnded, about.Message)
	}
	return nil
}

// cutOffText says that history does not reach as far back as was asked.
func cutOffText(oldest time.Time) string {
	const why = "history is cut off: the limits of the event stream (nats.events) removed older events"
	if oldest.IsZero() {
		return why
	}
	return why + "; the oldest that is left is of " + oldest.Local().Format(time.RFC3339)
}
