package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ErrCaughtUp is returned by History.Next once, between the past and what is new.
var ErrCaughtUp = errors.New("all past events were given")

// HistoryQuery asks for events that were stored.
type HistoryQuery struct {
	// Since is when they begin; the zero time asks for the last ones.
	Since time.Time
	// Last is how many past events are wanted at most when Since is zero.
	Last int
	// Upstream keeps those of one upstream; empty = all.
	Upstream string
	// Follow goes on with new events; else ErrCaughtUp is the end.
	Follow bool
}

// History hands out stored events in order, and new ones after them. One
// goroutine uses it.
type History interface {
	// Next returns the next event; ErrCaughtUp once, when the past is over; the
	// error of ctx, after which it can be called again; another error when no
	// event will follow.
	Next(ctx context.Context) (Event, error)
	// CutOff tells whether events after Since are missing because the store's
	// limits removed them, and when the oldest one that is left happened.
	CutOff() (oldest time.Time, cut bool)
	// Close ends it.
	Close()
}

// clocksApart is how far the clock of who asks may be ahead.
const clocksApart = time.Minute

// ParseSince reads how far back: a duration such as "1h30m", or a time as RFC
// 3339 has it, not in the
// future. The error says what is wanted.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		if at.After(now.Add(clocksApart)) {
			return time.Time{}, fmt.Errorf("%s is in the future: it is %s here", quote(text), now.UTC().Format(time.RFC3339))
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%s is neither a duration such as 1h30m nor a time such as 2026-01-31T12:00:00Z", quote(text))
}

// historyQuery returns what the parameters since, last, upstream and follow ask
// for, and whether they ask for history at all.
func historyQuery(q streamQuery, values url.Values, now time.Time) (HistoryQuery, bool, error) {
	want := HistoryQuery{Last: q.last, Upstream: q.upstream, Follow: q.follow}
	if text := values.Get("since"); text != "" {
		since, err := ParseSince(text, now)
		if err != nil {
			return want, true, fmt.Errorf("since: %w", err)
		}
		want.Since = since
		return want, true, nil
	}
	switch text := values.Get("stored"); text {
	case "", "0":
		return want, false, nil
	case "1":
		return want, true, nil
	default:
		return want, false, fmt.Errorf("stored=%s is neither 0 nor 1", quote(text))
	}
}

// serveHistory streams stored events as server-sent events.
func (s *Server) serveHistory(ctx context.Context, w http.ResponseWriter, want HistoryQuery) {
	history, err := s.deps.History(ctx, want)
	if err != nil {
		replyError(w, http.StatusServiceUnavailable, "no_history", err.Error())
		return
	}
	defer history.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	out := &stream{w: w, control: http.NewResponseController(w)}
	out.buffer.WriteString("retry: 2000\n\n")
	if oldest, cut := history.CutOff(); cut {
		fmt.Fprintf(&out.buffer, "event: cut_off\ndata: {\"type\":\"cut_off\",\"oldest\":%s}\n\n", strconv.Quote(oldest.UTC().Format(time.RFC3339Nano)))
	}
	for out.flush() == nil {
		pause, cancel := context.WithTimeout(ctx, heartbeat)
		e, err := history.Next(pause)
		cancel()
		switch {
		case err == nil:
			out.add(e)
		case errors.Is(err, ErrCaughtUp) && want.Follow:
			out.buffer.WriteString(": live\n\n")
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			out.buffer.WriteString(": still here\n\n")
		case errors.Is(err, ErrCaughtUp), ctx.Err() != nil:
			return
		default:
			fmt.Fprintf(&out.buffer, "event: broken\ndata: {\"type\":\"broken\",\"message\":%s}\n\n", strconv.Quote(err.Error()))
			_ = out.flush() // the stream ends in any case
			return
		}
	}
}

// noHistory is Deps.History where nothing is stored.
func noHistory(context.Context, HistoryQuery) (History, error) {
	return nil, errors.New("events are not stored here")
}
