package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

func TestRealNetworksComeAndGo(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	front, back := r.network("front"), r.network("back")
	id := r.start("a", func(o options) {
		o.config.Labels[labelNetwork] = back
		o.host.NetworkMode = "none"
	})
	await(t, sub, "a fault", func(s Set) bool { return len(s.Peers) == 0 && strings.Contains(s.Faults(), labelNetwork) })
	r.must(r.cli.NetworkDisconnect(t.Context(), "none", id, true))
	r.must(r.cli.NetworkConnect(t.Context(), front, id, &network.EndpointSettings{}))
	await(t, sub, "a fault that names front", func(s Set) bool { return len(s.Peers) == 0 && strings.Contains(s.Faults(), "it is on "+front) })
	r.must(r.cli.NetworkConnect(t.Context(), back, id, &network.EndpointSettings{}))
	set := await(t, sub, "one peer", peers(1))
	if got := get(t, set.Peers[0].Addr, "/"); got != "ok" {
		t.Errorf("the peer answers %q", got)
	}
	c, err := r.cli.ContainerInspect(t.Context(), id)
	r.must(err)
	if want := c.NetworkSettings.Networks[back].IPAddress + ":8080"; set.Peers[0].Addr != want {
		t.Errorf("the peer is %s, want %s, on the network that the label names", set.Peers[0].Addr, want)
	}
	r.must(r.cli.NetworkDisconnect(t.Context(), back, id, true))
	await(t, sub, "a fault again", func(s Set) bool { return len(s.Peers) == 0 && s.Faults() != "" })
}

func TestRealHostNetwork(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	port := freePort(t)
	r.start("a", func(o options) {
		o.host.NetworkMode = "host"
		o.config.Labels[labelPort] = port
		o.config.Cmd = []string{"-listen", "127.0.0.1:" + port, "-body", "on the host"}
	})
	set := await(t, sub, "one peer", peers(1))
	if set.Peers[0].Addr != "127.0.0.1:"+port {
		t.Errorf("the peer is %s", set.Peers[0].Addr)
	}
	eventually(t, "its answer", func() bool { return get(t, set.Peers[0].Addr, "/") == "on the host" })
}

func TestRealPublishedPorts(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{PeerAddr: PeerAddrPublished})
	port := freePort(t)
	r.start("a", func(o options) {
		bindings := `{"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "` + port + `"}]}`
		r.must(json.Unmarshal([]byte(bindings), &o.host.PortBindings)) // its type is of another module
		o.config.Cmd = []string{"-body", "published"}
	})
	r.start("b", nil)
	set := await(t, sub, "one peer and one fault", func(s Set) bool { return len(s.Peers) == 1 && s.Faults() != "" })
	if set.Peers[0].Addr != "127.0.0.1:"+port || !strings.Contains(set.Faults(), "port 8080 is not published") {
		t.Errorf("got %+v", set)
	}
	eventually(t, "its answer", func() bool { return get(t, set.Peers[0].Addr, "/") == "published" })
}

func TestRealAnotherContainersNetwork(t *testing.T) {
	r := useEngine(t)
	_, sub := r.watch(Config{})
	owner := r.start("owner", func(o options) { o.config.Labels = nil })
	r.start("guest", func(o options) {
		o.host.NetworkMode = api.NetworkMode("container:" + owner)
		o.config.Labels[labelPort] = "9090"
		o.config.Cmd = []string{"-listen", ":9090", "-body", "guest"}
		o.config.ExposedPorts = nil
	})
	set := await(t, sub, "one peer", peers(1))
	eventually(t, "its answer", func() bool { return get(t, set.Peers[0].Addr, "/") == "guest" })
}

func TestRealCutStreamAndEngineGoneAndBack(t *testing.T) {
	r := useEngine(t)
	cfg := withDefaults(t, Config{})
	if !strings.HasPrefix(cfg.Host, "unix://") {
		t.Skip("the engine is not on a unix socket, which is what is cut here")
	}
	p := newCutter(t, strings.TrimPrefix(cfg.Host, "unix://"))
	a := r.start("a", nil)
	e, sub := r.watch(Config{Host: "unix://" + p.path})
	before := await(t, sub, "one peer", peers(1))

	p.stop() // nothing gets through from here
	r.remove(a)
	b := r.start("b", func(o options) { o.config.Cmd = []string{"-body", "b"} })
	r.start("c", nil)
	stale := await(t, sub, "the old picture, stale", func(s Set) bool { return s.Stale })
	if addrs(stale) != addrs(before) || stale.Failure == "" || stale.Success.IsZero() {
		t.Errorf("while the engine is gone: %+v, want the peers of before", stale)
	}
	p.start(t)
	await(t, sub, "two peers that came meanwhile", peers(2))

	p.cut() // connections break, and new ones are fine
	r.remove(b)
	await(t, sub, "one peer after the cut", peers(1))
	if s := e.Status(); s.Version == "" || s.Self != "" || s.Containers < 1 {
		t.Errorf("status %+v", s)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// cutter stands between a client and a unix socket, and breaks connections.
type cutter struct {
	path, to string
	wg       sync.WaitGroup
	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

func newCutter(t *testing.T, to string) *cutter {
	c := &cutter{path: filepath.Join(t.TempDir(), "d.sock"), to: to, open: map[net.Conn]bool{}}
	c.start(t)
	t.Cleanup(func() {
		c.stop()
		c.wg.Wait()
	})
	return c
}

func (c *cutter) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", c.path)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.listener = l
	c.mu.Unlock()
	c.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				c.wg.Go(func() { c.relay(conn) })
			}
		}
	})
}

func (c *cutter) relay(client net.Conn) {
	engine, err := (&net.Dialer{}).DialContext(context.Background(), "unix", c.to)
	if err != nil {
		client.Close()
		return
	}
	c.mu.Lock()
	c.open[client], c.open[engine] = true, true
	c.mu.Unlock()
	var wg sync.WaitGroup
	both := func() {
		client.Close()
		engine.Close()
	}
	wg.Go(func() { _, _ = io.Copy(engine, client); both() })
	wg.Go(func() { _, _ = io.Copy(client, engine); both() })
	wg.Wait()
	c.mu.Lock()
	delete(c.open, client)
	delete(c.open, engine)
	c.mu.Unlock()
}

// cut breaks every connection.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		conn.Close()
	}
}

// stop breaks every connection and takes no more.
func (c *cutter) stop() {
	c.mu.Lock()
	c.listener.Close()
	c.mu.Unlock()
	c.cut()
}
