package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/weirproxy/weir/messages"
)

const (
	dockerHostVariable = "DOCKER_HOST"
	peerAddrAuto       = "auto"
)

// docker reads where containers are found.
func (o *object) docker(cfg *Docker) {
	read(o, "host", &cfg.Host, item.dockerHost)
	read(o, "peer_addr", &cfg.PeerAddr, oneOf(peerAddrAuto, "network", "published"))
	read(o, "auto", &cfg.Auto, truth)
	section(o, "tls", func(o *object) { o.tlsFiles(&cfg.TLS) })
	if o.has("tls") && !strings.HasPrefix(cfg.Host, "tcp://") && !strings.HasPrefix(cfg.Host, "https://") {
		o.fault("tls needs a host that begins with tcp:// or https://")
	}
}

// checkDockerHost looks at the default of docker.host, which the environment
// has: what is wrong there is a fault when Docker is used, else it is nobody's.
func (o *object) checkDockerHost(cfg *Docker, upstreams []definition[messages.UpstreamSpec]) {
	problem := dockerHostProblem(cfg.Host)
	if problem == "" {
		return
	}
	message := "the environment variable " + dockerHostVariable + ": " + problem
	const hint = "docker: {host: ...} outranks it"
	if cfg.Auto {
		o.child("docker").hinted(hint, message)
	}
	for _, u := range upstreams {
		if u.spec.Discovery.Kind == messages.DiscoverDocker {
			u.hinted(hint, message)
			return
		}
	}
	cfg.Host = defaultDockerHost
}

func (v item) dockerHost() (string, bool) {
	s, ok := v.scalar("unix:///path or tcp://HOST:PORT")
	if !ok {
		return "", false
	}
	if problem := dockerHostProblem(s.text); problem != "" {
		hint := ""
		if strings.HasPrefix(s.text, "/") {
			hint = "unix://" + shorten(s.text)
		}
		v.hinted(hint, problem)
		return "", false
	}
	return s.text, true
}

// dockerHostProblem says why text is not where a Docker engine can be, or nothing.
func dockerHostProblem(text string) string {
	const want = "unix:///path, tcp://HOST:PORT, http://HOST:PORT or https://HOST:PORT"
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case !found || hasBlank(text):
		return fmt.Sprintf("want %s, not %s", want, quote(text))
	case scheme == "ssh":
		return "ssh:// is not in this version; want " + want
	case scheme == "unix":
		if !strings.HasPrefix(rest, "/") {
			return fmt.Sprintf("want unix:// and a path that begins with /, not %s", quote(text))
		}
		return ""
	case scheme != "tcp" && scheme != "http" && scheme != "https":
		return fmt.Sprintf("want %s, not %s", want, quote(text))
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.RawQuery != "" || u.Fragment != "" || !isHostHeader(u.Host):
		return fmt.Sprintf("want %s, not %s", want, quote(text))
	case u.User != nil:
		return "the host of Docker takes no user and password; use tls"
	}
	return ""
}
