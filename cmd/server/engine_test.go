package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// wire is a unix socket that leads to the Docker engine while it is open.
type wire struct {
	t    *testing.T
	path string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	running  sync.WaitGroup
}

// newWire opens a wire. It is closed at the end of the test.
func newWire(t *testing.T) *wire {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir") //nolint:usetesting // a socket's path is short: the test's name has no place in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &wire{t: t, path: filepath.Join(dir, "d.sock"), conns: map[net.Conn]bool{}}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *wire) open() {
	w.t.Helper()
	l, err := net.Listen("unix", w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.listener = l
	w.mu.Unlock()
	w.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.running.Go(func() { w.join(c) })
		}
	})
}

// close ends the socket and all that goes through it.
func (w *wire) close() {
	w.mu.Lock()
	if w.listener != nil {
		_ = w.listener.Close()
	}
	w.listener = nil
	for c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.running.Wait()
}

// join connects a client to the engine until either ends.
func (w *wire) join(client net.Conn) {
	engine, err := net.Dial("unix", "/var/run/docker.sock")
	if err != nil {
		_ = client.Close()
		return
	}
	pair := []net.Conn{client, engine}
	end := func() {
		for _, c := range pair {
			_ = c.Close()
		}
	}
	defer end()
	if !w.note(pair, true) {
		return
	}
	defer w.note(pair, false)
	var both sync.WaitGroup
	for i := range pair {
		both.Go(func() {
			defer end()
			_, _ = io.Copy(pair[i], pair[1-i]) // it ends when either side does
		})
	}
	both.Wait()
}

// note notes which connections there are; false = the wire is closed.
func (w *wire) note(conns []net.Conn, are bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if are && w.listener != nil {
			w.conns[c] = true
		} else {
			delete(w.conns, c)
		}
	}
	return w.listener != nil
}

func TestTheDockerEngineIsGoneForAWhile(t *testing.T) {
	e := newEngine(t)
	w := newWire(t)
	app := fmt.Sprintf("weir.test.engine.%d=web", os.Getpid())
	s := newSite(t, "watch: false\ndocker: {host: \"unix://"+w.path+"\"}", "127.0.0.1:1") // nobody, at first
	s.write(strings.Replace(s.text(app+":8080"), "    addrs:", "    discovery: docker\n    addrs:", 1))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	view := func() string { _, _, body := get(t, s.adminURL+"/api/v1/upstreams/web"); return body }
	shows := func(parts ...string) func() bool {
		return func() bool {
			body := view()
			for _, part := range parts {
				if !strings.Contains(body, part) {
					return false
				}
			}
			return true
		}
	}
	events := func(pattern string) func() bool {
		return func() bool {
			_, out, _ := command(t, "events", "--no-follow", "--admin", s.admin)
			return regexp.MustCompile(pattern).MatchString(out)
		}
	}
	e.start("first", app)
	second := e.start("second", app)
	eventually(t, "both containers are fresh peers", shows(`"available":2,"total":2`, `"stale":false`))
	if events(`  web  failed .*docker: `)() {
		t.Error("discovery is told to have failed before it did")
	}

	w.close()
	s.while(func() {
		eventually(t, "both stay, and are shown as stale", shows(`"available":2,"total":2`, `"stale":true`))
		eventually(t, "an event says that it failed", events(`  web  failed .*docker: `))
	})
	if _, out, _ := command(t, "upstreams", "web", "--admin", s.adminURL); !strings.Contains(out, "found by docker unix://"+w.path) || !strings.Contains(out, "stale: docker: ") {
		t.Errorf("weir upstreams web does not tell of it:\n%s", out)
	}
	// One comes and another ends, unseen: the probes alone tell of the dead. It is in
	// this order, for Docker gives the address of who ended to who comes next.
	s.while(func() {
		e.start("third", app)
		e.run("rm", "-f", second)
		eventually(t, "the dead one is found by its probes, and stays a peer", shows(`"available":1,"total":2`, `"stale":true`))
	})
	if got := s.answers(); got != "first" {
		t.Errorf("%q answers, want the only peer that is known and alive", got)
	}
	if events(`  web  recovered`)() {
		t.Error("discovery is told to have recovered before it did")
	}

	w.open()
	s.while(func() {
		eventually(t, "what changed meanwhile is found", shows(`"available":2,"total":2`, `"stale":false`))
		eventually(t, "an event says that it recovered", events(`  web  recovered`))
	})
	seen := map[string]bool{}
	for range 4 {
		seen[s.answers()] = true
	}
	if len(seen) != 2 || !seen["first"] || !seen["third"] {
		t.Errorf("%v answer, want first and third", seen)
	}
}
