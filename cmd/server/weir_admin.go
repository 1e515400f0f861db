package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/messages"
)

// serveAdmin starts the admin API on a listener that is open already.
func (w *weir) serveAdmin(l net.Listener, opts options, token string) error {
	server, err := admin.New(admin.Config{Addr: w.cfg.Admin.Addr, OperatorToken: token, Open: opts.open,
		Version: versionText(), Member: w.cfg.Member}, admin.Deps{
		Registry: w.registry, Events: adminFeed{w.feed}, Ready: w.ready, Degraded: w.degraded,
		Upstreams: w.upstreams, Routes: w.routes, Metrics: w.metricSources(), Logger: w.log, Started: w.started,
		NATSAddr: w.bus.ClientURL, Shadowed: w.shadowed, Reload: w.reloads.Reload, History: w.history,
	})
	if err != nil {
		return fmt.Errorf("admin.addr: %w", err)
	}
	w.admin = server
	w.serving.Go(func() {
		if err := server.Serve(l); err != nil {
			w.listeners.fail(fmt.Errorf("admin %s: %w", w.adminAddr, err))
		}
	})
	return nil
}

// ready tells whether to send requests here: the configuration is applied and weir does not drain.
func (w *weir) ready() (ready bool, why string) {
	switch {
	case w.draining.Load():
		return false, "draining"
	case w.desired.Load() == nil:
		return false, "the configuration is not applied yet"
	}
	return true, ""
}

// degraded lists what does not work as it should and keeps nobody from being served.
func (w *weir) degraded() []string {
	var reasons []string
	for _, problem := range append(w.bus.Problems(), w.keeper.Problem(), w.reloads.problem()) {
		if problem != "" {
			reasons = append(reasons, problem)
		}
	}
	reasons = append(reasons, w.certs.refused()...)
	for _, ref := range w.registry.Refs() {
		if s := ref.Snapshot(); s != nil && s.Parked() {
			reasons = append(reasons, "upstream "+ref.Name()+" is parked: its actor crashed again and again; a change of its configuration wakes it")
		}
	}
	return reasons
}

func (w *weir) upstreams() []messages.UpstreamSpec {
	if d := w.desired.Load(); d != nil {
		return d.Upstreams.Slice()
	}
	return nil
}

// shadowed returns what labels ask for and the file hides.
func (w *weir) shadowed() []messages.Shadowed {
	if d := w.desired.Load(); d != nil {
		return d.Shadowed.Slice()
	}
	return nil
}

func (w *weir) routes() []messages.RouteSpec {
	if d := w.desired.Load(); d != nil {
		return d.Routes.Slice()
	}
	return nil
}

// adminFeed makes a notifier.Feed what admin asks for.
type adminFeed struct{ feed *notifier.Feed }

// Subscribe begins with the last events that are kept.
func (f adminFeed) Subscribe(last int) admin.Subscription {
	return adminSubscription{f.feed.Subscribe(last)}
}

// errFeedEnded is returned when the feed was closed.
var errFeedEnded = errors.New("no event will follow")

type adminSubscription struct{ *notifier.Subscription }

// Next returns the next event. What waits already comes before the end of ctx.
func (s adminSubscription) Next(ctx context.Context) (admin.Event, error) {
	var record notifier.Record
	var open bool
	select {
	case record, open = <-s.C:
	default:
		select {
		case record, open = <-s.C:
		case <-ctx.Done():
			return admin.Event{}, ctx.Err()
		}
	}
	if !open {
		return admin.Event{}, errFeedEnded
	}
	return admin.Event{ID: record.ID, Type: record.Type, Time: record.Time, Body: record.Body}, nil
}
