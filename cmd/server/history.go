package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/bus"
)

// history opens a replay for the admin API.
func (w *weir) history(ctx context.Context, want admin.HistoryQuery) (admin.History, error) {
	replay, err := w.bus.Replay(ctx, bus.ReplayRequest{Since: want.Since, Last: lastOf(want), Upstream: want.Upstream, Follow: want.Follow})
	if err != nil {
		return nil, err
	}
	return adminHistory{replay}, nil
}

// lastOf returns how many past events are wanted; 0 = all since a time. Asked
// for none, one is as few as a replay can be asked for.
func lastOf(want admin.HistoryQuery) int {
	if !want.Since.IsZero() {
		return 0
	}
	return max(want.Last, 1)
}

// adminHistory makes a bus.Replay what admin asks for.
type adminHistory struct{ *bus.Replay }

// Next returns the next event; the end of the past is admin.ErrCaughtUp, whatever follows.
func (h adminHistory) Next(ctx context.Context) (admin.Event, error) {
	e, err := h.Replay.Next(ctx)
	if errors.Is(err, bus.ErrCaughtUp) || errors.Is(err, io.EOF) {
		return admin.Event{}, admin.ErrCaughtUp
	}
	if err != nil {
		return admin.Event{}, err
	}
	return admin.Event{ID: e.ID, Type: e.Type, Time: e.Time, Body: e.Body}, nil
}

// CutOff tells whether events that were asked for may be gone.
func (h adminHistory) CutOff() (time.Time, bool) { return h.Oldest(), h.Replay.CutOff() }
