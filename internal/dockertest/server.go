package dockertest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a Docker engine on a unix socket. It is an http.Handler too, for
// tests that serve it elsewhere.
type Server struct {
	t    testing.TB
	path string

	mu         sync.Mutex
	containers map[string]Container
	order      []string // ids, in the order in which they came
	answers    map[Request]Answer
	paths      []string
	told       []line
	last       time.Time     // the engine's clock
	streams    int           // that are open
	drops      int           // how often streams were ended
	changed    chan struct{} // closed and replaced at each change
	running    *httptest.Server
}

// line is a line of the event stream. Only true events are told again to those
// who ask what they missed.
type line struct {
	text  string
	at    time.Time
	event bool
}

// Start starts an engine without containers. It ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir") //nolint:usetesting // a socket's path is short: the test's name has no place in it
	if err != nil {
		t.Fatalf("dockertest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{t: t, path: filepath.Join(dir, "d.sock"), containers: map[string]Container{}, answers: map[Request]Answer{},
		changed: make(chan struct{})}
	s.Resume()
	t.Cleanup(s.Stop)
	return s
}

// Host is the engine's address, unix:///path. It stays the same over Stop and Resume.
func (s *Server) Host() string { return "unix://" + s.path }

// Stop ends the engine: its socket is gone until Resume. Stopping twice is fine.
func (s *Server) Stop() {
	s.mu.Lock()
	running := s.running
	s.running = nil
	s.change()
	s.mu.Unlock()
	if running != nil {
		running.CloseClientConnections()
		running.Close()
	}
}

// Resume listens at the same socket again.
func (s *Server) Resume() {
	s.t.Helper()
	l, err := net.Listen("unix", s.path)
	if err != nil {
		s.t.Fatalf("dockertest: %v", err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}}
	s.mu.Lock()
	s.running = server
	s.change()
	s.mu.Unlock()
	server.Start()
}

// Answer says how a kind of request is answered from now on; the zero Answer is
// the truth.
func (s *Server) Answer(kind Request, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[kind] = a
	s.change()
}

// Asked counts the requests for a path that ends like this.
func (s *Server) Asked(suffix string) int {
	n := 0
	for _, path := range s.Paths() {
		if strings.HasSuffix(path, suffix) {
			n++
		}
	}
	return n
}

// Paths returns the paths of the requests so far.
func (s *Server) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.paths...)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	s.mu.Unlock()
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v"), "/")
	id, inspects := strings.CutPrefix(path, "containers/")
	id, inspects = strings.TrimSuffix(id, "/json"), inspects && path != "containers/json"
	kinds := []Request{Ping}
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
	case path == "events":
		kinds = []Request{Events}
	case path == "containers/json":
		kinds = []Request{List}
	case inspects:
		kinds = []Request{InspectOf(id), Inspect}
	default:
		kinds = nil
	}
	answer, ok := s.await(r, kinds)
	if !ok {
		panic(http.ErrAbortHandler) // the client is gone, or the engine
	}
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case len(kinds) == 0:
		Answer{Status: http.StatusNotFound, Body: `{"message":"page not found"}`}.write(w)
	case !answer.truth():
		answer.write(w)
	case kinds[0] == Events:
		s.stream(w, r)
	case kinds[0] == List:
		Body(s.list()).write(w)
	case inspects:
		s.inspection(id).write(w)
	}
}

// await returns how a request is to be answered, once that is known; not ok =
// nobody is there any more.
func (s *Server) await(r *http.Request, kinds []Request) (a Answer, ok bool) {
	for {
		s.mu.Lock()
		a = Answer{}
		for _, kind := range kinds {
			if a = s.answers[kind]; !a.truth() {
				break
			}
		}
		changed, stopped := s.changed, s.running == nil
		s.mu.Unlock()
		if !a.Hang {
			return a, true
		}
		if stopped {
			return a, false
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return a, false
		}
	}
}

func (s *Server) list() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var entries []string
	for _, id := range s.order {
		if c := s.containers[id]; c.listed() {
			entries = append(entries, c.Summary())
		}
	}
	return "[" + strings.Join(entries, ",") + "]"
}

func (s *Server) inspection(id string) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.containers[id]
	if !known {
		return Answer{Status: http.StatusNotFound, Body: `{"message":"no such container"}`}
	}
	return Body(c.Inspection())
}

// change tells those who wait that something changed. The caller holds s.mu.
func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}
