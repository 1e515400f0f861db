package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
)

// containerPeer is the program in the containers: it says its name, and ends
// gracefully when Docker stops it. One whose name begins with slow is a while
// before it listens.
const containerPeer = `package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP)
	name, _ := os.Hostname()
	if strings.HasPrefix(name, "slow") {
		time.Sleep(2 * time.Second)
	}
	server := &http.Server{Addr: ":8080", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })}
	go server.ListenAndServe()
	<-ctx.Done()
	server.Shutdown(context.Background())
}
`

// engine runs containers of one image, and removes them at the end of the test.
type engine struct {
	t     *testing.T
	image string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	docker := part.Need(t, "docker")
	if out, err := exec.Command(docker, "info").CombinedOutput(); err != nil {
		if slices.Contains(strings.Split(os.Getenv("WEIR_TEST_REQUIRE"), ","), "docker") {
			t.Fatalf("WEIR_TEST_REQUIRE names docker, and no engine answers: %s", out)
		}
		t.Skip("docker: no engine answers")
	}
	e := &engine{t: t, image: fmt.Sprintf("weir-test-%d:1", os.Getpid())}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "peer.go"), []byte(containerPeer), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", "peer", "peer.go")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the peer: %v\n%s", err, out)
	}
	if out, err := exec.Command("tar", "-C", dir, "-cf", filepath.Join(dir, "image.tar"), "peer").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	e.run("import", "-c", `ENTRYPOINT ["/peer"]`, "-c", "EXPOSE 8080", filepath.Join(dir, "image.tar"), e.image)
	t.Cleanup(func() { e.run("rmi", e.image) })
	return e
}

// run runs a docker command.
func (e *engine) run(args ...string) string {
	e.t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		e.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// start runs a container with labels, removed at the end of the test.
func (e *engine) start(name string, labels ...string) (id string) {
	e.t.Helper()
	args := []string{"run", "-d", "--hostname", name}
	for _, label := range labels {
		args = append(args, "--label", label)
	}
	id = e.run(append(args, e.image)...)
	e.t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", id).Run() }) // it may be gone
	return id
}

// while sends requests, ten a second, until do has returned; each must be answered.
func (s *site) while(do func()) {
	s.t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, header, body := get(s.t, "http://"+s.listener+"/"); status != http.StatusOK {
			s.t.Errorf("got %d %q, X-Weir-Error %q", status, body, header.Get("X-Weir-Error"))
		}
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

func TestContainersComeAndGo(t *testing.T) {
	e := newEngine(t)
	app := fmt.Sprintf("weir.test.%d=web", os.Getpid())
	s := newSite(t, "watch: false\ndocker: {host: \"unix:///var/run/docker.sock\"}", "127.0.0.1:1") // nobody, at first
	// How long an engine takes to start a container is not what is tested.
	s.write(strings.Replace(s.text(app+":8080"), "    addrs:", "    discovery: docker\n    queue_timeout: 60s\n    addrs:", 1))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	available := func(n int) func() bool {
		return func() bool {
			_, _, body := get(t, s.adminURL+"/api/v1/upstreams/web")
			return strings.Contains(body, fmt.Sprintf(`"available":%d,"total":%d`, n, n))
		}
	}
	first := e.start("first", app)
	second := e.start("second", app)
	eventually(t, "both containers are peers", available(2))

	s.while(func() { e.run("kill", "-s", "HUP", second) })
	if !available(2)() {
		t.Error("a HUP took a container out of service")
	}
	s.while(func() { e.run("stop", "-t", "5", second) })
	eventually(t, "the stopped container is gone", available(1))
	s.while(func() { e.run("start", second); eventually(t, "it is back", available(2)) })

	// The old ones are gone before the new one is there, and it is there before
	// it listens: requests wait.
	s.while(func() {
		e.run("stop", "-t", "5", first, second)
		e.run("rm", first, second)
		e.start("slow", app)
		eventually(t, "the new container is a peer", available(1))
	})
	if got := s.answers(); got != "slow" {
		t.Errorf("%q answers", got)
	}
	s.while(func() {
		for i := range 19 {
			e.start(fmt.Sprintf("more-%d", i), app)
		}
		eventually(t, "twenty containers are peers", available(20))
	})
}

func TestLabelsMakeUpstreamsAndRoutesBeneathTheFile(t *testing.T) {
	e := newEngine(t)
	a, _ := peer(t, "from the file")
	s := newSite(t, "watch: false\ndocker: {auto: true, host: \"unix:///var/run/docker.sock\"}", a)
	unique := fmt.Sprintf("shop-%d", os.Getpid())
	e.start("shop", "weir.enable=true", "weir.upstream="+unique, "weir.host=shop.test", "weir.path=/")
	e.start("thief", "weir.enable=true", "weir.upstream=web", "weir.path=/")
	shop := func() string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.listener+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "shop.test"
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}).Do(request)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		text := make([]byte, 100)
		n, _ := response.Body.Read(text) // a name is short
		return string(text[:n])
	}
	eventually(t, "the labelled route answers", func() bool { return shop() == "shop" })
	if got := s.answers(); got != "from the file" {
		t.Errorf("the file's route is answered by %q", got)
	}
	eventually(t, "what is shadowed is shown", func() bool {
		_, _, status := get(t, s.adminURL+"/api/v1/status")
		return strings.Contains(status, `"shadowed":[{"kind":"upstream","name":"web","layer":"labels"`)
	})
	if _, out, _ := command(t, "status", "--admin", s.adminURL); !strings.Contains(out, "the upstream web of labels is not in force") {
		t.Errorf("weir status does not tell of it:\n%s", out)
	}
}
