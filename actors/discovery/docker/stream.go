package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
)

// stream is an open event stream. Its goroutine ends with close.
type stream struct {
	out    chan event
	cancel context.CancelFunc
	done   chan struct{}
	failed error // why it ended; written before out is closed
}

// actions are the events that matter: what changes a container's state, health,
// name or networks. The engine sends no others, such as the many of commands
// run inside containers. It compares by beginnings because of health_status.
func actions() []events.Action {
	return []events.Action{events.ActionStart, events.ActionDie, events.ActionKill, events.ActionStop, events.ActionPause, events.ActionUnPause,
		events.ActionDestroy, events.ActionRename, events.ActionUpdate, events.ActionHealthStatus, events.ActionOOM,
		events.ActionConnect, events.ActionDisconnect}
}

// openStream opens the stream; it gives up when ctx is done.
func openStream(ctx context.Context, cli *client.Client, since int64) (*stream, error) {
	options := events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("type", string(events.NetworkEventType)))}
	for _, action := range actions() {
		options.Filters.Add("event", string(action))
	}
	if since > 0 {
		options.Since = sinceText(since)
	}
	open, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	in, errs := cli.Events(open, options)
	if !stop() {
		cancel()
		<-errs //nolint:errcheck // it is about our own cancel
		return nil, fmt.Errorf("open the event stream: %w", context.Cause(ctx))
	}
	s := &stream{out: make(chan event), cancel: cancel, done: make(chan struct{})}
	go s.pump(open, in, errs)
	return s, nil
}

// pump passes on what matters until the stream ends.
func (s *stream) pump(ctx context.Context, in <-chan events.Message, errs <-chan error) {
	defer close(s.done)
	defer close(s.out)
	for {
		select {
		case message := <-in:
			ev := fromMessage(&message)
			if ev.container == "" {
				continue
			}
			select {
			case s.out <- ev:
			case <-ctx.Done():
			}
		case err := <-errs:
			s.failed = streamError(err)
			return
		}
	}
}

func streamError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return errStreamEnded
	}
	return fmt.Errorf("%w: %w", errStreamEnded, err)
}

func (s *stream) events() <-chan event { return s.out }
func (s *stream) err() error           { return s.failed }

func (s *stream) close() {
	s.cancel()
	<-s.done
}
