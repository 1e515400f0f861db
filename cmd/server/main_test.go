package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is also weir itself, as a process of its own: see newProcess.
func TestMain(m *testing.M) {
	if os.Getenv("WEIR_TEST_PROCESS") != "" {
		if os.Getenv("LISTEN_FDS") != "" {
			_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())) // systemd knows it before exec
		}
		main()
	}
	goleak.VerifyTestMain(m)
}

// text is an io.Writer that may be read while it is written.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// command runs a command line to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out, err text
	code = run(ctx, args, environment{lookup: noEnv, stdout: &out, stderr: &err})
	return code, out.String(), err.String()
}

func noEnv(string) (string, bool) { return "", false }

// instance is a weir that runs in the background.
type instance struct {
	t              *testing.T
	stdout, stderr *text
	cancel         context.CancelFunc
	code           chan int
	hangups        chan os.Signal
}

// background starts a command line that runs until the test ends.
func background(t *testing.T, args ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	i := &instance{t: t, stdout: &text{}, stderr: &text{}, cancel: cancel, code: make(chan int, 1), hangups: make(chan os.Signal, 1)}
	go func() {
		i.code <- run(ctx, args, environment{lookup: noEnv, stdout: i.stdout, stderr: i.stderr, hangups: func() (<-chan os.Signal, func()) { return i.hangups, func() {} }})
	}()
	t.Cleanup(func() { cancel(); i.end() })
	return i
}

// end stops the instance and returns its exit status.
func (i *instance) end() int {
	i.t.Helper()
	i.cancel()
	select {
	case code := <-i.code:
		i.code <- code
		return code
	case <-time.After(30 * time.Second):
		i.t.Fatalf("did not end within 30s; stderr:\n%s", i.stderr)
		return 0
	}
}

// eventually polls until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20s until %s", what)
		}
		<-ticker.C
	}
}

// peer is a real HTTP server that says its name.
func peer(t *testing.T, name string) (addr string, kill func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	kill = func() { _ = server.Close(); <-done }
	t.Cleanup(kill)
	return l.Addr().String(), kill
}

// do sends a request by a connection of its own, so that nothing of it is left.
func do(t *testing.T, method, url string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}).Do(request)
}

func get(t *testing.T, url string) (status int, header http.Header, body string) {
	t.Helper()
	response, err := do(t, http.MethodGet, url)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(b)
}

// setup is a configuration file and the addresses in it.
type setup struct{ file, proxy, admin, nats string }

// write makes a configuration of two peers; a zero addr in s gets a free one.
func (s setup) write(t *testing.T, peers ...string) setup {
	t.Helper()
	for _, addr := range []*string{&s.proxy, &s.admin, &s.nats} {
		if *addr == "" {
			*addr = freeAddr(t)
		}
	}
	dir := t.TempDir()
	s.file = filepath.Join(dir, "weir.yaml")
	conf := fmt.Sprintf(`listeners: [{addr: %q}]
routes: {web: {path: /, upstream: web}}
upstreams:
  web:
    addrs: ["%s"]
    health_check: "tcp://web?check_frequency=100ms"
nats: {addr: %q}
admin: {addr: %q}
data_dir: %q
shutdown: {timeout: 5s}
`, s.proxy, strings.Join(peers, `", "`), s.nats, s.admin, filepath.Join(dir, "data"))
	if err := os.WriteFile(s.file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServesHealthyPeersAndTellsOfAKilledOne(t *testing.T) {
	a, killA := peer(t, "a")
	b, _ := peer(t, "b")
	s := setup{}.write(t, a, b)
	w := background(t, "serve", "-c", s.file)
	eventually(t, "both peers answer", func() bool {
		seen := map[string]bool{}
		for range 4 {
			_, _, body := get(t, "http://"+s.proxy+"/")
			seen[body] = true
		}
		return seen["a"] && seen["b"]
	})
	eventually(t, "both peers are known to be healthy", func() bool {
		_, out, _ := command(t, "upstreams", "web", "--admin", s.admin)
		return len(regexp.MustCompile(`(?m)^127\S+.* healthy `).FindAllString(out, -1)) == 2
	})
	code, out, _ := command(t, "status", "--admin", s.admin)
	if code != 0 || !strings.Contains(out, "web") {
		t.Errorf("status of a healthy weir: exit %d\n%s", code, out)
	}

	killA()
	for range 200 {
		if status, _, body := get(t, "http://"+s.proxy+"/"); status != 200 || body != "b" {
			t.Fatalf("got %d %q while one peer is dead, want 200 from b", status, body)
		}
	}
	eventually(t, "the dead peer is unhealthy", func() bool {
		code, out, _ := command(t, "upstreams", "web", "--admin", s.admin)
		return code == 0 && regexp.MustCompile(regexp.QuoteMeta(a)+`.*unhealthy.*connect_refused`).MatchString(out)
	})
	code, out, _ = command(t, "status", "--admin", s.admin)
	if code != 1 || !strings.Contains(out, "degraded") {
		t.Errorf("status of a degraded weir: exit %d, want 1\n%s", code, out)
	}
	eventually(t, "the flip is stored", func() bool {
		code, out, _ := command(t, "events", "--no-follow", "--admin", s.admin)
		return code == 0 && regexp.MustCompile(`web/`+regexp.QuoteMeta(a)+`  healthy -> unhealthy  connect_refused`).MatchString(out)
	})
	if code := w.end(); code != 0 {
		t.Errorf("ended with %d\n%s", code, w.stderr)
	}
}

func TestServeRefusesATakenPortAndNamesTheKey(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	addr := taken.Addr().String()
	tests := []struct {
		key string
		s   setup
	}{
		{"listeners[0].addr", setup{proxy: addr}},
		{"admin.addr", setup{admin: addr}},
		{"nats.addr", setup{nats: addr}},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			code, _, errText := command(t, "serve", "-c", tt.s.write(t, "127.0.0.1:1").file)
			if code != 1 || !strings.Contains(errText, tt.key) || !strings.Contains(errText, addr) || !strings.Contains(errText, "taken") {
				t.Errorf("exit %d, %q; want 1 and a line that names %s, %s and that it is taken", code, errText, tt.key, addr)
			}
		})
	}
}

func TestServeRefusesAStoreThatIsInUse(t *testing.T) {
	a, _ := peer(t, "a")
	first := setup{}.write(t, a)
	background(t, "serve", "-c", first.file)
	eventually(t, "the first serves", func() bool { status, _, _ := get(t, "http://"+first.proxy+"/"); return status == 200 })
	second := setup{}.write(t, a)
	conf, err := os.ReadFile(second.file)
	if err != nil {
		t.Fatal(err)
	}
	conf = bytes.Replace(conf, []byte(filepath.Dir(second.file)+"/data"), []byte(filepath.Dir(first.file)+"/data"), 1)
	if err := os.WriteFile(second.file, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errText := command(t, "serve", "-c", second.file)
	if code != 1 || !strings.Contains(errText, "another weir") {
		t.Errorf("exit %d, %q; want a refusal that names the other weir", code, errText)
	}
}

func TestProxyWithoutAFile(t *testing.T) {
	a, _ := peer(t, "a")
	addr := freeAddr(t)
	code, out, _ := command(t, "proxy", addr, a, "--print")
	if code != 0 || !strings.Contains(out, a) {
		t.Errorf("proxy --print: exit %d\n%s", code, out)
	}
	background(t, "proxy", addr, a)
	eventually(t, "it serves", func() bool { _, _, body := get(t, "http://"+addr+"/"); return body == "a" })
}

func TestCheckShowsEveryFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, []byte("upstreams:\n  web: {adrs: [\"a:1\"]}\nlisteners: [{addr: nonsense}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errText := command(t, "check", "-c", file)
	if code != 1 || !strings.Contains(errText, "adrs") || !strings.Contains(errText, "addrs") || !strings.Contains(errText, "nonsense") {
		t.Errorf("exit %d\n%s", code, errText)
	}
}

func TestErrorsCarryTheirCode(t *testing.T) {
	s := setup{}.write(t, freeAddr(t))
	background(t, "serve", "-c", s.file)
	eventually(t, "the dead peer is known to be dead", func() bool {
		status, header, _ := get(t, "http://"+s.proxy+"/")
		return status == 503 && header.Get("X-Weir-Error") == "no_peer" && header.Get("Retry-After") != ""
	})
}

func TestDemoRunsAndEndsCleanly(t *testing.T) {
	w := background(t, "demo")
	eventually(t, "it says what to try", func() bool { return strings.Contains(w.stdout.String(), "curl -X POST") })
	url := regexp.MustCompile(`proxy +(http://\S+)`).FindStringSubmatch(w.stdout.String())
	if url == nil {
		t.Fatalf("no proxy address in\n%s", w.stdout)
	}
	eventually(t, "it proxies", func() bool { _, _, body := get(t, url[1]); return strings.HasPrefix(body, "hello from peer-") })
	control := regexp.MustCompile(`POST (\S+)/\{`).FindStringSubmatch(w.stdout.String())
	first := regexp.MustCompile(`peers +(\S+) `).FindStringSubmatch(w.stdout.String())
	if control == nil || first == nil {
		t.Fatalf("no control or peer address in\n%s", w.stdout)
	}
	eventually(t, "the peers are known to be healthy", func() bool { return strings.Contains(w.stdout.String(), "demo  healthy") })
	response, err := do(t, http.MethodPost, "http://"+control[1]+"/sick")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 200 {
		t.Fatalf("the control address answered %s", response.Status)
	}
	// The moody peer is another one.
	eventually(t, "the sick peer flips", func() bool {
		return strings.Contains(w.stdout.String(), "demo/"+first[1]+"  healthy -> unhealthy")
	})
	if code := w.end(); code != 0 {
		t.Errorf("ended with %d\n%s", code, w.stderr)
	}
	if out := w.stdout.String(); !regexp.MustCompile(`stopped: .* · 0 failed · `).MatchString(out) {
		t.Errorf("requests failed:\n%s", out)
	}
}
