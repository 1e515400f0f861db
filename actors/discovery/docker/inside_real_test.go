package docker

import (
	"io"
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// inside runs discovery in a container, and returns the words that it prints.
func (r *real) inside(name, network string, args ...string) (id, output string) {
	r.t.Helper()
	socket := strings.TrimPrefix(withDefaults(r.t, Config{}).Host, "unix://")
	id = r.start(name, func(o options) {
		o.config.Labels = nil
		o.config.Entrypoint, o.config.Cmd = []string{"/inside"}, args
		o.config.Tty = true // so that the log is plain text
		o.host.NetworkMode = api.NetworkMode(network)
		o.host.Binds = []string{socket + ":/var/run/docker.sock"}
	})
	ended, failed := r.cli.ContainerWait(r.t.Context(), id, api.WaitConditionNotRunning)
	select {
	case <-ended:
	case err := <-failed:
		r.t.Fatal(err)
	}
	logs, err := r.cli.ContainerLogs(r.t.Context(), id, api.LogsOptions{ShowStdout: true, ShowStderr: true})
	r.must(err)
	defer logs.Close()
	text, err := io.ReadAll(logs)
	r.must(err)
	return id, strings.Join(strings.Fields(string(text)), " ")
}

func TestRealInsideAContainer(t *testing.T) {
	r := useEngine(t)
	if !strings.HasPrefix(withDefaults(t, Config{}).Host, "unix://") {
		t.Skip("the engine is not on a unix socket, which is what is mounted here")
	}
	front := r.network("front")
	a := r.start("a", nil) // on the default bridge too, which weir is not on
	r.must(r.cli.NetworkConnect(t.Context(), front, a, &network.EndpointSettings{}))
	c, err := r.cli.ContainerInspect(t.Context(), a)
	r.must(err)
	onFront, onBridge := c.NetworkSettings.Networks[front].IPAddress, c.NetworkSettings.Networks["bridge"].IPAddress

	id, got := r.inside("weir", front, r.app())
	if want := "self " + id + " peer " + onFront + ":8080"; got != want {
		t.Errorf("on a shared network it finds %q, want %q", got, want)
	}
	id, got = r.inside("weir-on-host", "host", r.app())
	if !strings.HasPrefix(got, "self "+id+" peer "+onBridge+":8080") || !strings.Contains(got, "it is on 2 networks") {
		t.Errorf("on the host's network it finds %q, want %s", got, onBridge)
	}

	r.start("b", func(o options) {
		o.host.NetworkMode = "host"
		o.config.Labels[labelPort] = "1"
		o.config.Cmd = []string{"-listen", "127.0.0.1:0"}
	})
	_, got = r.inside("weir-again", front, "-peers", "2", r.app())
	net, err := r.cli.NetworkInspect(t.Context(), front, network.InspectOptions{})
	r.must(err)
	if want := "peer " + net.IPAM.Config[0].Gateway + ":1"; !strings.Contains(got, want) {
		t.Errorf("it finds %q, want %q: the host is reached by the gateway", got, want)
	}
}
