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
	ask := bus.ReplayRequest{Since: want.Since, Upstream: want.Upstream, Follow: want.Follow}
	switch {
	case !want.Since.IsZero():
	case want.Last > 0:
		ask.Last = want.Last
	default:
		ask.Since = time.Now() // nothing of the past
	}
	replay, err := w.bus.Replay(ctx, ask)
	if err != nil {
		return nil, err
	}
	return adminHistory{replay}, nil
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
