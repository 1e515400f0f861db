package docker

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
)

var (
	errNoID       = errors.New("the engine's answer has no Id")
	errIncomplete = errors.New("the engine's answer lacks State, Config or HostConfig")
)

// fromMessage translates an event. One about anything but a container has no container.
func fromMessage(m *events.Message) event {
	ev := event{action: string(m.Action), at: m.TimeNano}
	switch m.Type {
	case events.ContainerEventType:
		ev.container, ev.labels, ev.signal = m.Actor.ID, m.Actor.Attributes, m.Actor.Attributes["signal"]
	case events.NetworkEventType:
		ev.container, ev.network = m.Actor.Attributes["container"], true
	}
	return ev
}

// fromSummary translates an entry of the list; nil = it has no id.
func fromSummary(s *api.Summary) *container {
	if s.ID == "" {
		return nil
	}
	c := &container{id: s.ID, name: nameOf(s.Names, s.ID), labels: s.Labels, created: s.Created,
		state: s.State, health: healthOf(s.Status), networkMode: s.HostConfig.NetworkMode}
	if s.NetworkSettings != nil {
		c.networks = endpointsOf(s.NetworkSettings.Networks)
	}
	for _, p := range s.Ports {
		if p.Type == "tcp" && p.PrivatePort != 0 && p.PublicPort != 0 {
			c.bindings = append(c.bindings, binding{port: int(p.PrivatePort), hostIP: parseAddr(p.IP), hostPort: int(p.PublicPort)})
		}
	}
	c.tidy()
	return c
}

// fromInspect translates an inspection. The error says what the engine left out.
func fromInspect(r *api.InspectResponse) (*container, error) {
	switch {
	case r.ContainerJSONBase == nil || r.ID == "":
		return nil, errNoID
	case r.State == nil || r.Config == nil || r.HostConfig == nil:
		return nil, errIncomplete
	}
	c := &container{id: r.ID, name: nameOf([]string{r.Name}, r.ID), labels: r.Config.Labels, state: r.State.Status,
		networkMode: string(r.HostConfig.NetworkMode), details: &details{stopSignal: parseSignal(r.Config.StopSignal), stopTimeout: defaultStopTimeout}}
	if created, err := time.Parse(time.RFC3339Nano, r.Created); err == nil {
		c.created = created.Unix()
	}
	if r.State.Health != nil && r.State.Health.Status != api.NoHealthcheck {
		c.health = r.State.Health.Status
	}
	if c.details.stopSignal == 0 {
		c.details.stopSignal = sigterm
	}
	if timeout := r.Config.StopTimeout; timeout != nil {
		c.details.stopTimeout = time.Duration(min(*timeout, maxStopSeconds)) * time.Second
	}
	if started, err := time.Parse(time.RFC3339Nano, r.State.StartedAt); err == nil && started.Unix() > 0 {
		c.details.startedAt = started.UnixNano()
	}
	for port := range r.Config.ExposedPorts {
		c.expose(string(port))
	}
	if r.NetworkSettings != nil {
		c.networks = endpointsOf(r.NetworkSettings.Networks)
		for port, bound := range r.NetworkSettings.Ports {
			private := c.expose(string(port))
			for _, b := range bound {
				if public, err := parseNumber(b.HostPort, maxPort); err == nil && private != 0 {
					c.bindings = append(c.bindings, binding{port: private, hostIP: parseAddr(b.HostIP), hostPort: public})
				}
			}
		}
	}
	c.tidy()
	return c, nil
}

// maxStopSeconds keeps a stop timeout within what a duration holds.
const maxStopSeconds = 100 * 365 * 24 * 60 * 60

// expose notes a port such as "8080/tcp", and returns its number; 0 = it is none of TCP.
func (c *container) expose(text string) int {
	number, proto, _ := strings.Cut(text, "/")
	port, err := parseNumber(number, maxPort)
	if err != nil || (proto != "tcp" && proto != "") {
		return 0
	}
	c.details.exposed = append(c.details.exposed, port)
	return port
}

// healthOf reads what the list tells of health, in words only:
// "Up 5 minutes (healthy)", "Up 2 seconds (health: starting)".
func healthOf(status string) string {
	switch {
	case strings.HasSuffix(status, "(healthy)"):
		return healthHealthy
	case strings.HasSuffix(status, "(unhealthy)"):
		return api.Unhealthy
	case strings.HasSuffix(status, "(health: starting)"):
		return api.Starting
	}
	return ""
}

// nameOf returns the container's own name; others are those it has by links.
func nameOf(names []string, id string) string {
	for _, name := range names {
		if name = strings.TrimPrefix(name, "/"); name != "" && !strings.Contains(name, "/") {
			return name
		}
	}
	return strconv.Quote(id[:min(len(id), 12)])
}

func endpointsOf(networks map[string]*network.EndpointSettings) []endpoint {
	var out []endpoint
	for name, e := range networks {
		if e == nil {
			continue
		}
		at := endpoint{name: name, id: e.NetworkID, addr: parseAddr(e.IPAddress), gateway: parseAddr(e.Gateway)}
		if !at.addr.IsValid() {
			at.addr, at.gateway = parseAddr(e.GlobalIPv6Address), parseAddr(e.IPv6Gateway)
		}
		out = append(out, at)
	}
	return out
}

// parseAddr reads an IP address; what is none is invalid, which means absent.
func parseAddr(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}
