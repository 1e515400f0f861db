package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

const (
	// maxLast is how many past events can be asked for.
	maxLast = 1000
	// maxStreams is how many streams may be open at a time.
	maxStreams = 100
	// heartbeat is how long a stream is silent at most, so that both sides learn
	// of a broken connection.
	heartbeat = 15 * time.Second
	// streamWriteTimeout is how long one write to a stream may take.
	streamWriteTimeout = 20 * time.Second
)

// streamQuery is what a client wants of the event stream.
type streamQuery struct {
	last     int
	follow   bool
	upstream string
	// after is the id of the last event that the client saw before it lost its
	// connection; empty = it did not say.
	after string
}

func parseStreamQuery(r *http.Request) (streamQuery, error) {
	q := streamQuery{follow: true, upstream: r.URL.Query().Get("upstream"), after: r.Header.Get("Last-Event-ID")}
	if q.upstream != "" && !messages.ValidName(q.upstream) {
		return q, fmt.Errorf("upstream=%s is not the name of one (%s)", quote(q.upstream), messages.WantName)
	}
	if text := r.URL.Query().Get("last"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxLast {
			return q, fmt.Errorf("last=%s is not a number from 0 to %d", quote(text), maxLast)
		}
		q.last = n
	}
	switch text := r.URL.Query().Get("follow"); text {
	case "", "1":
	case "0":
		q.follow = false
	default:
		return q, fmt.Errorf("follow=%s is neither 0 nor 1", quote(text))
	}
	return q, nil
}

// wants tells whether the client asked for an event.
func (q streamQuery) wants(e Event) bool { return q.upstream == "" || q.upstream == e.upstream() }

// past picks from the events that are kept those to begin with: all after the
// one that the client saw last, else the last ones.
func (q streamQuery) past(kept []Event) []Event {
	seen := -1
	if q.after != "" {
		seen = slices.IndexFunc(kept, func(e Event) bool { return e.ID == q.after })
	}
	fits := slices.DeleteFunc(slices.Clone(kept[seen+1:]), func(e Event) bool { return !q.wants(e) })
	if seen < 0 {
		fits = fits[max(0, len(fits)-q.last):]
	}
	return fits
}

// serveEvents streams events as server-sent events.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if refuseQuery(w, r, "last", "follow", "upstream", "since", "stored") {
		return
	}
	q, err := parseStreamQuery(r)
	want, stored := HistoryQuery{}, false
	if err == nil {
		want, stored, err = historyQuery(q, r.URL.Query(), time.Now())
	}
	if err != nil {
		replyError(w, http.StatusBadRequest, "bad_query", err.Error())
		return
	}
	defer s.streams.Add(-1)
	if s.streams.Add(1) > maxStreams {
		w.Header().Set("Retry-After", "5")
		replyError(w, http.StatusServiceUnavailable, "busy", fmt.Sprintf("%d event streams are open, which is the most", maxStreams))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)()
	if stored && r.Method == http.MethodGet {
		s.serveHistory(ctx, w, want)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	out := &stream{w: w, control: http.NewResponseController(w)}
	kept := maxLast
	if q.after == "" && q.upstream == "" {
		kept = q.last
	}
	sub := s.deps.Events.Subscribe(kept)
	defer sub.Close()
	if err := out.begin(q, sub, kept); err != nil || !q.follow {
		return
	}
	out.follow(ctx, q, sub)
}

// stream writes server-sent events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  bytes.Buffer
	told    uint64 // of lost events
}

// begin writes the past events.
func (o *stream) begin(q streamQuery, sub Subscription, kept int) error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	var past []Event
	for len(past) < kept {
		e, err := sub.Next(now)
		if err != nil {
			break
		}
		past = append(past, e)
	}
	o.buffer.WriteString("retry: 2000\n\n")
	for _, e := range q.past(past) {
		o.add(e)
	}
	// A comment: clients that know it can tell the past from news.
	o.buffer.WriteString(": live\n\n")
	return o.flush()
}

// follow writes new events until ctx is done, the feed ends, or the client is
// gone or takes nothing.
func (o *stream) follow(ctx context.Context, q streamQuery, sub Subscription) {
	for {
		pause, cancel := context.WithTimeout(ctx, heartbeat)
		e, err := sub.Next(pause)
		cancel()
		if lost := sub.Lost(); lost > o.told {
			fmt.Fprintf(&o.buffer, "event: lost\ndata: {\"type\":\"lost\",\"lost\":%d}\n\n", lost-o.told)
			o.told = lost
		}
		switch {
		case err == nil:
			if q.wants(e) {
				o.add(e)
			}
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			o.buffer.WriteString(": still here\n\n")
		default:
			_ = o.flush() // the stream ends in any case
			return
		}
		if o.flush() != nil {
			return
		}
	}
}

// add puts an event into the buffer.
func (o *stream) add(e Event) {
	fmt.Fprintf(&o.buffer, "id: %s\nevent: %s\n", oneLine(e.ID), oneLine(e.Type))
	for line := range strings.Lines(string(e.Body)) {
		fmt.Fprintf(&o.buffer, "data: %s\n", oneLine(line))
	}
	o.buffer.WriteByte('\n')
}

// flush sends what is in the buffer.
func (o *stream) flush() error {
	if o.buffer.Len() == 0 {
		return nil
	}
	_ = o.control.SetWriteDeadline(time.Now().Add(streamWriteTimeout)) // not supported by a test's recorder, which never blocks
	if _, err := o.w.Write(o.buffer.Bytes()); err != nil {
		return err
	}
	o.buffer.Reset()
	return o.control.Flush()
}

// oneLine takes out what would end a line of the stream early.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == 0 {
			return -1
		}
		return r
	}, text)
}
