package main

import (
	"context"
	"errors"
	"time"

	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/bus"
)

// outbox is the notifier's outbox, running.
type outbox struct {
	*notifier.Outbox
	cancel context.CancelFunc
	done   chan struct{}
}

// startOutbox makes the outbox between the notifier and the bus, and runs it.
func (w *weir) startOutbox(cfg notifier.Config) *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outbox{cancel: cancel, done: make(chan struct{}), Outbox: notifier.NewOutbox(cfg, notifier.OutboxDeps{
		Publish: w.bus.Publish, Store: w.bus.Store, StoreReady: w.bus.StoreReady, StoreChanged: w.bus.Changes(),
		Uncertain: func(err error) bool { return errors.Is(err, bus.ErrUncertain) }, Feed: w.feed, Logger: w.log,
	})}
	go func() {
		defer close(o.done)
		o.Run(ctx)
	}()
	return o
}

// outboxEntries is how many events may wait, beside the latest flip of each peer:
// some 10 MB. The start of 10,000 upstreams is so many at once.
const outboxEntries = 10_000

// flushTime is how long the end waits for what can be stored; flushAway is how
// long while NATS is away, which is seldom back in time.
const (
	flushTime = 5 * time.Second
	flushAway = time.Second
)

// end stores what it can within a time of its own, and until ctx is done. What
// is left is counted as dropped.
func (o *outbox) end(ctx context.Context, ready bool) {
	limit := flushTime
	if !ready {
		limit = flushAway
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	o.Flush(ctx)
	o.cancel()
	<-o.done
}
