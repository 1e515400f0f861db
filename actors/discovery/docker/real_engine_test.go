package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/weirproxy/weir/internal/part"
)

// real is what a test does to a real engine. All that it makes has a name of
// its own, and is removed when the test ends.
type real struct {
	t      *testing.T
	cli    *client.Client
	prefix string
	image  string
}

// imageOnce makes the image of the peer, for all tests.
var imageOnce struct {
	sync.Once
	name string
	err  error
}

// useEngine returns the engine of this machine, or skips the test.
func useEngine(t *testing.T) *real {
	t.Helper()
	part.Need(t, "docker")
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	if _, err := cli.Ping(t.Context()); err != nil {
		if slices.Contains(strings.Split(os.Getenv("WEIR_TEST_REQUIRE"), ","), "docker") {
			t.Fatalf("WEIR_TEST_REQUIRE names docker, and no engine answers: %v", err)
		}
		t.Skipf("docker is installed, and no engine answers: %v", err)
	}
	imageOnce.Do(func() { imageOnce.name, imageOnce.err = makeImage(cli) })
	if imageOnce.err != nil {
		t.Fatal(imageOnce.err)
	}
	return &real{t: t, cli: cli, prefix: fmt.Sprintf("weirtest-%d-%d", os.Getpid(), time.Now().UnixNano()), image: imageOnce.name}
}

// addProgram builds a program of testdata, static, and adds it to a layer.
func addProgram(w *tar.Writer, dir, program string) error {
	binary := filepath.Join(dir, program)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./testdata/"+program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: program, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// makeImage makes an image of static binaries: nothing is downloaded.
func makeImage(cli *client.Client) (string, error) {
	dir, err := os.MkdirTemp("", "weirtest")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, program := range []string{"peer", "inside"} {
		if err := addProgram(w, dir, program); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	name := fmt.Sprintf("weirtest-peer:%d", os.Getpid())
	answer, err := cli.ImageImport(context.Background(), image.ImportSource{Source: &layer, SourceName: "-"}, name,
		image.ImportOptions{Changes: []string{`ENTRYPOINT ["/peer"]`, "EXPOSE 8080"}})
	if err != nil {
		return "", fmt.Errorf("import the image: %w", err)
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return name, err
}

// removeImage removes what makeImage made.
func removeImage() {
	if imageOnce.name == "" {
		return
	}
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return
	}
	defer cli.Close()
	_, _ = cli.ImageRemove(context.Background(), imageOnce.name, image.RemoveOptions{Force: true})
}

// app is the label of this test's containers.
func (r *real) app() string { return "weirtest.app=" + r.prefix }

// options change how a container is made.
type options struct {
	config *api.Config
	host   *api.HostConfig
}

// create makes a container, and has it removed in the end.
func (r *real) create(name string, change func(options)) string {
	r.t.Helper()
	o := options{&api.Config{Image: r.image, Labels: map[string]string{"weirtest.app": r.prefix}}, &api.HostConfig{}}
	if change != nil {
		change(o)
	}
	made, err := r.cli.ContainerCreate(r.t.Context(), o.config, o.host, nil, nil, r.prefix+"-"+name)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.remove(made.ID) })
	return made.ID
}

// start makes a container and starts it.
func (r *real) start(name string, change func(options)) string {
	r.t.Helper()
	id := r.create(name, change)
	r.must(r.cli.ContainerStart(r.t.Context(), id, api.StartOptions{}))
	return id
}

func (r *real) remove(id string) {
	_ = r.cli.ContainerRemove(context.Background(), id, api.RemoveOptions{Force: true, RemoveVolumes: true}) // it may be gone already
}

func (r *real) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// network makes a network, and has it removed in the end.
func (r *real) network(name string) string {
	r.t.Helper()
	name = r.prefix + "-" + name
	made, err := r.cli.NetworkCreate(r.t.Context(), name, network.CreateOptions{Driver: "bridge"})
	r.must(err)
	r.t.Cleanup(func() { _ = r.cli.NetworkRemove(context.Background(), made.ID) })
	return name
}

// running tells whether a container has a process.
func (r *real) running(id string) bool {
	r.t.Helper()
	c, err := r.cli.ContainerInspect(r.t.Context(), id)
	r.must(err)
	return c.State.Running
}

// watch runs an Engine and returns a subscription to this test's containers.
func (r *real) watch(cfg Config, selectors ...string) (*Engine, *Subscription) {
	r.t.Helper()
	e, err := New(cfg)
	r.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = e.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		<-e.Done()
	})
	if len(selectors) == 0 {
		selectors = []string{r.app()}
	}
	return e, mustSubscribe(r.t, e, selectors...)
}

// await waits for a set that is as wanted.
func await(t *testing.T, sub *Subscription, what string, good func(Set) bool) Set {
	t.Helper()
	deadline := time.After(time.Minute)
	var last Set
	for {
		select {
		case last = <-sub.Sets():
			if good(last) {
				return last
			}
		case <-deadline:
			t.Fatalf("no set with %s came; the last is %+v", what, last)
		}
	}
}

func peers(n int) func(Set) bool {
	return func(s Set) bool { return len(s.Peers) == n && !s.Stale }
}

// get asks a peer for a path, once.
func get(t *testing.T, addr, path string) string {
	t.Helper()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := c.Get("http://" + addr + path)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(body))
}

// eventually asks again and again, for as long as a busy machine may need.
func eventually(t *testing.T, what string, good func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !good() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
