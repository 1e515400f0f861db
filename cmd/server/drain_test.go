package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowPeer answers with a first line, and with a second one when it is told to.
func slowPeer(t *testing.T) (addr string, finish chan<- struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-told:
			_, _ = io.WriteString(w, "finished\n")
		case <-r.Context().Done():
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return l.Addr().String(), told
}

// download begins a request and returns its body, of which the first line was read.
func download(t *testing.T, url string) *bufio.Reader {
	t.Helper()
	response, err := do(t, http.MethodGet, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	body := bufio.NewReader(response.Body)
	if line, err := body.ReadString('\n'); line != "begun\n" {
		t.Fatalf("the download begins with %q, %v", line, err)
	}
	return body
}

func TestAPeerThatIsRemovedFinishesWhatItBegan(t *testing.T) {
	slow, finish := slowPeer(t)
	b, _ := peer(t, "b")
	s := newSite(t, "watch: false", slow)
	body := download(t, "http://"+s.listener+"/")
	s.write(s.text(b))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	eventually(t, "the API shows that the removed peer drains", func() bool {
		_, _, view := get(t, s.adminURL+"/api/v1/upstreams/web")
		return strings.Contains(view, `"draining":[{"addr":"`+slow+`"`)
	})
	if got := s.answers(); got != "b" {
		t.Errorf("a new request went to %q", got)
	}
	close(finish)
	if rest, err := io.ReadAll(body); string(rest) != "finished\n" || err != nil {
		t.Errorf("the download ends with %q, %v", rest, err)
	}
}

func TestAPeerThatIsRemovedIsCutAfterItsDrainTimeout(t *testing.T) {
	slow, _ := slowPeer(t)
	b, _ := peer(t, "b")
	s := newSite(t, "watch: false", slow)
	withTimeout := func(text string) string {
		return strings.Replace(text, "  web:\n", "  web:\n    drain_timeout: 1s\n", 1)
	}
	s.write(withTimeout(s.text(slow)))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	body := download(t, "http://"+s.listener+"/")
	begun := time.Now()
	s.write(withTimeout(s.text(b)))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	rest, err := io.ReadAll(body)
	if err == nil {
		t.Errorf("the download ended well, with %q", rest)
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("it was cut after %v, before its drain_timeout of 1s", took)
	}
}

// TestAPeerThatWasDeadGetsNoRequestAfterARestart: the verdict is remembered
// until the first probe, also while NATS is away.
func TestAPeerThatWasDeadGetsNoRequestAfterARestart(t *testing.T) {
	for name, nats := range map[string]string{"embedded": "addr: %s", "external, not there": "url: nats://%s"} {
		t.Run(name, func(t *testing.T) {
			alive, _ := peer(t, "alive")
			dead, kill := peer(t, "dead")
			dir := t.TempDir()
			listener, admin := freeAddr(t), freeAddr(t)
			file := filepath.Join(dir, "weir.yaml")
			text := "listeners: [{addr: \"" + listener + "\"}]\nadmin: {addr: \"" + admin + "\"}\nnats: {" + strings.Replace(nats, "%s", `"`+freeAddr(t)+`"`, 1) + "}\ndata_dir: " + dir + "/data\n" +
				"routes: {web: {path: /, upstream: web}}\nupstreams:\n  web:\n    health_check: \"http://web/probe?check_frequency=200ms\"\n    retry: {attempts: 0}\n" +
				"    addrs: [\"" + alive + "\", \"" + dead + "\"]\n"
			text = strings.Replace(text, `nats://"`, `"nats://`, 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			first := background(t, "serve", "-c", file)
			view := func() string { _, _, body := get(t, "http://"+admin+"/api/v1/upstreams/web"); return body }
			eventually(t, "both are healthy", func() bool { return strings.Count(view(), `"verdict":"healthy"`) == 2 })
			kill()
			eventually(t, "the dead one is unhealthy", func() bool { return strings.Contains(view(), `"verdict":"unhealthy"`) })
			eventually(t, "the verdict is on disk", func() bool {
				kept, err := os.ReadFile(filepath.Join(dir, "data", "verdicts.jsonl"))
				return err == nil && strings.Contains(string(kept), `"unhealthy"`)
			})
			if code := first.end(); code != 0 {
				t.Fatalf("the first one ended with %d: %s", code, first.stderr)
			}
			// Where it was, somebody counts requests and never answers probes.
			requests := countRequests(t, dead)
			background(t, "serve", "-c", file)
			eventually(t, "it answers", func() bool { _, _, body := get(t, "http://"+listener+"/"); return body == "alive" })
			for range 50 {
				if status, _, body := get(t, "http://"+listener+"/"); status != http.StatusOK || body != "alive" {
					t.Fatalf("got %d %q", status, body)
				}
			}
			if n := requests.Load(); n > 0 {
				t.Errorf("the dead peer got %d requests", n)
			}
		})
	}
}

// countRequests listens at addr and counts requests; probes hang.
func countRequests(t *testing.T, addr string) *atomic.Int64 {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/probe" {
			<-r.Context().Done()
			return
		}
		requests.Add(1)
		w.WriteHeader(http.StatusTeapot)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return &requests
}
