package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/internal/demo"
)

// errStreamEnded is returned when the events of a running weir stop coming.
var errStreamEnded = errors.New("the event stream ended; weir stopped, or the connection broke")

func eventsCommand(env environment) *cobra.Command {
	var flags clientFlags
	var upstream string
	var noFollow bool
	var last int
	c := &cobra.Command{
		Use:   "events",
		Short: "Show events of a running weir: the last ones, then those that come",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := flags.client(env)
			if err != nil {
				return err
			}
			query := url.Values{"last": {strconv.Itoa(last)}}
			if upstream != "" {
				query.Set("upstream", upstream)
			}
			if noFollow {
				query.Set("follow", "0")
			}
			if !flags.asJSON {
				_, _ = fmt.Fprintln(env.stderr, "events of "+client.where) // the terminal is gone: nobody to tell
			}
			return streamEvents(c.Context(), env, client, "/api/v1/events?"+query.Encode(), flags.asJSON, !noFollow)
		},
	}
	flags.add(c)
	c.Flags().StringVar(&upstream, "upstream", "", "only events of this upstream")
	c.Flags().BoolVar(&noFollow, "no-follow", false, "end after the last events")
	c.Flags().IntVar(&last, "last", 20, "how many past events to show, at most 1000")
	return c
}

// streamEvents prints server-sent events until the stream or ctx ends.
func streamEvents(ctx context.Context, env environment, client *client, path string, asJSON, follow bool) error {
	response, err := client.get(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	screen := demo.NewScreen(env.stdout, false, env.colors(env.stdout))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	kind := ""
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case asJSON:
			env.printf("%s\n", data)
		case kind == "lost":
			screen.Println(screen.Paint(demo.Yellow, "some events were lost, this reader was too slow: "+data))
		default:
			screen.Println(eventLine(screen, []byte(data)))
		}
	}
	switch {
	case ctx.Err() != nil, !follow && lines.Err() == nil:
		return nil
	case lines.Err() != nil:
		return fmt.Errorf("%w: %w", errStreamEnded, lines.Err())
	}
	return errStreamEnded
}
