package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/admin"
)

// fakeHistory gives steps, then waits for ctx.
type fakeHistory struct {
	steps  []any // Event or error
	cut    time.Time
	closed bool
}

func (h *fakeHistory) Next(ctx context.Context) (admin.Event, error) {
	if len(h.steps) == 0 {
		<-ctx.Done()
		return admin.Event{}, ctx.Err()
	}
	step := h.steps[0]
	h.steps = h.steps[1:]
	if err, bad := step.(error); bad {
		return admin.Event{}, err
	}
	event, _ := step.(admin.Event)
	return event, nil
}

func (h *fakeHistory) CutOff() (time.Time, bool) { return h.cut, !h.cut.IsZero() }
func (h *fakeHistory) Close()                    { h.closed = true }

func storedEvent(id string) admin.Event {
	return admin.Event{ID: id, Type: "weir.health.v1.flip", Body: []byte(`{"id":"` + id + `"}`)}
}

func getHistory(t *testing.T, query string, open func(admin.HistoryQuery) (admin.History, error)) *httptest.ResponseRecorder {
	t.Helper()
	deps := newWorld().deps()
	if open != nil {
		deps.History = func(_ context.Context, q admin.HistoryQuery) (admin.History, error) { return open(q) }
	}
	w := httptest.NewRecorder()
	newServer(t, admin.Config{}, deps).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9070/api/v1/events?"+query, nil))
	return w
}

func TestStoredEventsAreStreamed(t *testing.T) {
	oldest := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	flip := func(id string) string {
		return "id: " + id + "\nevent: weir.health.v1.flip\ndata: {\"id\":\"" + id + "\"}\n\n"
	}
	cases := map[string]struct {
		history fakeHistory
		query   string
		want    string
	}{
		"the past alone": {fakeHistory{steps: []any{storedEvent("a"), storedEvent("b"), admin.ErrCaughtUp}}, "since=1h&follow=0",
			"retry: 2000\n\n" + flip("a") + flip("b")},
		"the past, then what is new": {fakeHistory{steps: []any{storedEvent("a"), admin.ErrCaughtUp, storedEvent("b"), errors.New(`the "store" is gone`)}}, "since=1h",
			"retry: 2000\n\n" + flip("a") + ": live\n\n" + flip("b") + "event: broken\ndata: {\"type\":\"broken\",\"message\":\"the \\\"store\\\" is gone\"}\n\n"},
		"a past that was cut off": {fakeHistory{cut: oldest, steps: []any{admin.ErrCaughtUp}}, "stored=1&last=5&follow=0",
			"retry: 2000\n\nevent: cut_off\ndata: {\"type\":\"cut_off\",\"oldest\":\"2026-05-01T12:00:00Z\"}\n\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := getHistory(t, c.query, func(admin.HistoryQuery) (admin.History, error) { return &c.history, nil })
			if diff := cmp.Diff(c.want, got.Body.String()); diff != "" {
				t.Errorf("stream (-want +got):\n%s", diff)
			}
			if !c.history.closed {
				t.Error("the history was not closed")
			}
		})
	}
}

func TestWhatIsAskedOfHistory(t *testing.T) {
	var got admin.HistoryQuery
	ask := func(query string) *httptest.ResponseRecorder {
		return getHistory(t, query, func(q admin.HistoryQuery) (admin.History, error) {
			got = q
			return &fakeHistory{steps: []any{admin.ErrCaughtUp}}, nil
		})
	}
	ask("since=2026-05-01T12:00:00Z&upstream=web&follow=0")
	if diff := cmp.Diff(admin.HistoryQuery{Since: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Upstream: "web"}, got); diff != "" {
		t.Errorf("a time (-want +got):\n%s", diff)
	}
	before := time.Now().Add(-90 * time.Minute)
	ask("since=1h30m&follow=0")
	if got.Since.Before(before) || got.Since.After(time.Now().Add(-89*time.Minute)) {
		t.Errorf("90 minutes ago is %v", got.Since)
	}
	ask("stored=1&last=7&follow=0")
	if diff := cmp.Diff(admin.HistoryQuery{Last: 7}, got); diff != "" {
		t.Errorf("the last ones (-want +got):\n%s", diff)
	}
	for _, query := range []string{"since=yesterday", "since=-1h", "since=0s", "stored=yes", "since=2999-01-01T00:00:00Z", "since=1h&upstream=a%20b", "upstream=a.b"} {
		if w := ask(query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "bad_query") {
			t.Errorf("%s: got %d %s", query, w.Code, w.Body)
		}
	}
}

func TestWithoutHistoryTheAnswerSaysWhy(t *testing.T) {
	for name, open := range map[string]func(admin.HistoryQuery) (admin.History, error){
		"not there": nil,
		"refused":   func(admin.HistoryQuery) (admin.History, error) { return nil, errors.New("events are not stored here") },
	} {
		t.Run(name, func(t *testing.T) {
			w := getHistory(t, "since=1h", open)
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"code":"no_history","message":"events are not stored here"`) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}
