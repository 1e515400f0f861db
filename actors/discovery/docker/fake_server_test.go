package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeServer speaks the engine's API as far as it is told to: real HTTP with
// the real client, and any answer a test wants.
type fakeServer struct {
	mu     sync.Mutex
	list   string            // the body of the list
	bodies map[string]string // of inspections, by id
	events chan string       // lines of the stream; "" ends it
	paths  []string
	host   string
}

// newFakeServer starts one on a unix socket.
func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	f := &fakeServer{list: "[]", bodies: map[string]string{}, events: make(chan string, 1000)}
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(f)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	f.host = "unix://" + path
	return f
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.paths = append(f.paths, r.URL.Path)
	list := f.list
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v"), "/")
	id, inspects := strings.CutPrefix(path, "containers/")
	id = strings.TrimSuffix(id, "/json")
	body, known := f.bodies[id]
	f.mu.Unlock()
	w.Header().Set("Api-Version", "1.41")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
	case path == "events":
		f.stream(r.Context(), w)
	case path == "containers/json":
		_, _ = fmt.Fprint(w, list)
	case inspects && known:
		_, _ = fmt.Fprint(w, body)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"message":"no such container"}`)
	}
}

func (f *fakeServer) stream(ctx context.Context, w http.ResponseWriter) {
	w.WriteHeader(http.StatusOK)
	for {
		w.(http.Flusher).Flush()
		select {
		case line := <-f.events:
			if line == "" {
				return
			}
			_, _ = fmt.Fprintln(w, line)
		case <-ctx.Done():
			return
		}
	}
}

// set changes what is answered.
func (f *fakeServer) set(change func(*fakeServer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// asked counts the requests for a path that ends like this.
func (f *fakeServer) asked(suffix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, path := range f.paths {
		if strings.HasSuffix(path, suffix) {
			n++
		}
	}
	return n
}

// summary is an entry of the list, as the engine writes it.
func summary(id, label, value, ip string) string {
	return fmt.Sprintf(`{"Id":%q,"Names":["/name-%s"],"Image":"x","Created":1795403791,"Ports":[{"PrivatePort":8080,"Type":"tcp"}],
		"Labels":{%q:%q},"State":"running","Status":"Up 1 second","HostConfig":{"NetworkMode":"default"},
		"NetworkSettings":{"Networks":{"bridge":{"NetworkID":"n0","Gateway":"127.0.0.1","IPAddress":%q,"IPPrefixLen":16}}},"Mounts":[]}`, id, id, label, value, ip)
}

// inspection is the answer for the same container.
func inspection(id, label, value, ip string) string {
	return fmt.Sprintf(`{"Id":%q,"Created":"2026-11-23T03:16:31Z","Name":"/name-%s","State":{"Status":"running","Running":true,"StartedAt":"2026-11-23T03:16:32.270813742Z"},
		"HostConfig":{"NetworkMode":"default"},"Config":{"Labels":{%q:%q},"ExposedPorts":{"8080/tcp":{}}},
		"NetworkSettings":{"Ports":{"8080/tcp":null},"Networks":{"bridge":{"NetworkID":"n0","Gateway":"127.0.0.1","IPAddress":%q,"IPPrefixLen":16}}}}`, id, id, label, value, ip)
}

// message is an event as the engine writes it.
func message(id, action, label, value string, more ...string) string {
	attributes := map[string]string{label: value, "name": "name-" + id, "image": "x"}
	for i := 0; i < len(more); i += 2 {
		attributes[more[i]] = more[i+1]
	}
	text, err := json.Marshal(map[string]any{"Type": "container", "Action": action, "Actor": map[string]any{"ID": id, "Attributes": attributes}, "timeNano": int64(1795500000000000000)})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// follow runs an Engine against the server.
func (f *fakeServer) follow(t *testing.T, selectors ...string) (*Engine, *Subscription) {
	t.Helper()
	cfg := plain()
	cfg.Host = f.host
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-e.Done()
	})
	return e, mustSubscribe(t, e, selectors...)
}
