package admin_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/admin"
)

// sse is one server-sent event; comments have only Comment.
type sse struct{ ID, Event, Data, Comment string }

// readSSE reads one event; io.EOF at the end.
func readSSE(in *bufio.Reader) (sse, error) {
	var e sse
	for lines := 0; ; lines++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && lines > 0:
			return e, nil
		case name == "":
			e.Comment = value
		case name == "id":
			e.ID = value
		case name == "event":
			e.Event = value
		case name == "data":
			e.Data += value
		case name == "retry":
		default:
			return e, fmt.Errorf("a line that is none of the format: %q", line)
		}
	}
}

// openStream asks for events; it ends with the test.
func openStream(t *testing.T, url string, header ...string) (*bufio.Reader, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return bufio.NewReader(resp.Body), resp
}

// next returns the next event that is no comment and no greeting.
func next(t *testing.T, in *bufio.Reader) sse {
	t.Helper()
	for {
		e, err := readSSE(in)
		if err != nil {
			t.Fatal(err)
		}
		if e.Data != "" {
			return e
		}
	}
}

// ids reads to the end and returns the ids of the events.
func ids(t *testing.T, text string) []string {
	t.Helper()
	got := []string{}
	for in := bufio.NewReader(strings.NewReader(text)); ; {
		e, err := readSSE(in)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != "" {
			got = append(got, e.ID)
		}
	}
}

func TestPastEvents(t *testing.T) {
	w := newWorld()
	for i := range 10 {
		w.feed.add(flip(fmt.Sprint("e", i), []string{"web", "api"}[i%2], "10.0.0.1:80", "healthy", "unhealthy", "reset", ""))
	}
	h := newServer(t, admincfg(), w.deps()).Handler()
	for _, c := range []struct {
		name, query, after string
		want               []string
	}{
		{"none unless asked for", "follow=0", "", []string{}},
		{"the last ones", "follow=0&last=3", "", []string{"e7", "e8", "e9"}},
		{"all there are when more are asked for", "follow=0&last=1000", "", []string{"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"}},
		{"the last ones of an upstream", "follow=0&last=3&upstream=api", "", []string{"e5", "e7", "e9"}},
		{"none of an upstream that is not there", "follow=0&last=3&upstream=gone", "", []string{}},
		{"those after the one seen last", "follow=0&last=1", "e6", []string{"e7", "e8", "e9"}},
		{"those of an upstream after the one seen last", "follow=0&upstream=api", "e4", []string{"e5", "e7", "e9"}},
		{"the last ones when the one seen last is forgotten", "follow=0&last=2", "forgotten", []string{"e8", "e9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/events?"+c.query, nil)
			if c.after != "" {
				r.Header.Set("Last-Event-ID", c.after)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "text/event-stream" {
				t.Fatalf("got %d %s", rec.Code, rec.Header())
			}
			if diff := cmp.Diff(c.want, ids(t, rec.Body.String())); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("are exact in their form", func(t *testing.T) {
		w := newWorld()
		w.feed.add(admin.Event{ID: "1\n2", Type: "t", Body: []byte("{\"a\":\n1}")})
		got := get(t, newServer(t, admincfg(), w.deps()).Handler(), "/api/v1/events?follow=0&last=1").Body.String()
		if want := "retry: 2000\n\nid: 12\nevent: t\ndata: {\"a\":\ndata: 1}\n\n: live\n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("leave no subscription", func(t *testing.T) {
		if n := w.feed.subscribers(); n != 0 {
			t.Errorf("subscribers: got %d, want 0", n)
		}
	})
	for query, part := range map[string]string{"last=x": "0 to 1000", "last=-1": "0 to 1000", "last=1001": "0 to 1000", "follow=yes": "neither 0 nor 1"} {
		t.Run(query+" is refused", func(t *testing.T) {
			wantError(t, get(t, h, "/api/v1/events?"+query), http.StatusBadRequest, "bad_query", part)
		})
	}
	t.Run("HEAD gives the head alone", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodHead, "http://localhost/api/v1/events", nil)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK || rec.Body.Len() != 0 {
			t.Errorf("got %d %q", rec.Code, rec.Body)
		}
	})
}

func TestEventsFollow(t *testing.T) {
	w := newWorld()
	w.feed.add(flip("old", "web", "10.0.0.1:80", "unknown", "healthy", "ok", ""))
	url, stop := startServer(t, w)
	in, _ := openStream(t, url+"/api/v1/events?last=5&upstream=web")
	if got := next(t, in); got.ID != "old" || got.Event != "weir.health.v1.flip" {
		t.Fatalf("got %+v", got)
	}
	w.feed.add(flip("other", "api", "10.0.0.9:80", "healthy", "unhealthy", "reset", ""))
	w.feed.add(flip("new", "web", "10.0.0.1:80", "healthy", "unhealthy", "reset", "line\nbreak"))
	got := next(t, in)
	if got.ID != "new" || !strings.Contains(got.Data, `"detail":"line\nbreak"`) {
		t.Fatalf("got %+v", got)
	}

	t.Run("the stream ends at shutdown", func(t *testing.T) {
		stop() // fails the test if it has to cut
		for {
			if _, err := readSSE(in); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("got %v, want a clean end", err)
			}
		}
		if n := w.feed.subscribers(); n != 0 {
			t.Errorf("subscribers: got %d, want 0", n)
		}
	})
}

func TestAStreamEndsWithTheFeedAndWithItsClient(t *testing.T) {
	w := newWorld()
	url := start(t, w)
	in, resp := openStream(t, url+"/api/v1/events")
	if _, err := readSSE(in); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the subscription of a client that went is closed", func() bool { return w.feed.subscribers() == 0 })
	in, _ = openStream(t, url+"/api/v1/events")
	if _, err := readSSE(in); err != nil {
		t.Fatal(err)
	}
	w.feed.end()
	for {
		if _, err := readSSE(in); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	w := newWorld()
	url := start(t, w)
	var open []*http.Response
	for range 100 {
		in, resp := openStream(t, url+"/api/v1/events")
		if _, err := readSSE(in); err != nil {
			t.Fatal(err)
		}
		open = append(open, resp)
	}
	_, resp := openStream(t, url+"/api/v1/events")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("stream 101: got %d, want 503 with Retry-After", resp.StatusCode)
	}
	if err := open[0].Body.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a place becomes free", func() bool {
		_, resp := openStream(t, url+"/api/v1/events?follow=0")
		return resp.StatusCode == http.StatusOK
	})
}

// TestASlowReader takes nothing while far more comes than fits on the way, and
// that twice. It learns how many events it lost, and what it gets is in order.
func TestASlowReader(t *testing.T) {
	const burst, size = 3000, 16 << 10
	w := newWorld()
	in, _ := openStream(t, start(t, w)+"/api/v1/events")
	if _, err := readSSE(in); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		for i := range burst {
			id := fmt.Sprintf("%d-%06d", round, i)
			w.feed.add(flip(id, "web", "10.0.0.1:80", "healthy", "unhealthy", "reset", strings.Repeat("x", size)))
		}
		lost, got := 0, []string{}
		for lost+len(got) < burst {
			e := next(t, in)
			if e.Event != "lost" {
				got = append(got, e.ID)
				continue
			}
			var n int
			if _, err := fmt.Sscanf(e.Data, `{"type":"lost","lost":%d}`, &n); err != nil || n < 1 {
				t.Fatalf("lost: %q: %v", e.Data, err)
			}
			lost += n
		}
		if lost == 0 {
			t.Error("nothing was lost: the test does not test")
		}
		if lost+len(got) != burst || !slices.IsSorted(got) || got[len(got)-1] != fmt.Sprintf("%d-%06d", round, burst-1) {
			t.Errorf("round %d: got %d, lost %d of %d, last %q", round, len(got), lost, burst, got[max(0, len(got)-1):])
		}
	}
}

// TestAStreamOutlastsTheTimeoutsOfRequests is about the server's timeouts, which
// count from a request's begin.
func TestAStreamOutlastsTheTimeoutsOfRequests(t *testing.T) {
	const timeout = 50 * time.Millisecond
	w := newWorld()
	s := newServer(t, admincfg(), w.deps())
	s.SetTimeouts(timeout)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	in, _ := openStream(t, "http://"+l.Addr().String()+"/api/v1/events")
	if _, err := readSSE(in); err != nil {
		t.Fatal(err)
	}
	<-time.After(4 * timeout) // the time itself is what is tested
	w.feed.add(flip("late", "web", "10.0.0.1:80", "healthy", "unhealthy", "reset", ""))
	if got := next(t, in); got.ID != "late" {
		t.Errorf("got %+v", got)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestASilentStreamHasHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		h := newServer(t, admincfg(), w.deps()).Handler()
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/events", nil).WithContext(ctx)
		rec := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(rec, r)
		}()
		time.Sleep(46 * time.Second) // of the bubble's clock
		cancel()
		<-done
		if n := strings.Count(rec.Body.String(), ": still here\n\n"); n != 3 {
			t.Errorf("heartbeats in 46s: got %d, want 3 in %q", n, rec.Body)
		}
	})
}
