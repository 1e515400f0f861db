package docker

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// container is one container as the engine told of it. It is not changed after
// it was made: a new look makes a new one.
type container struct {
	id, name string
	labels   map[string]string
	// created is when it was created, in seconds of the engine's clock.
	created int64
	// state is running, paused, restarting, ...; health is starting, healthy,
	// unhealthy, or empty without a HEALTHCHECK.
	state, health string
	// networkMode is "host", "container:ID", or a network's name.
	networkMode string
	networks    []endpoint // by name
	bindings    []binding  // IPv4 first, then by port
	// details is what the list does not tell; nil until the container was inspected.
	details *details
}

// details are what only an inspection tells.
type details struct {
	stopSignal int
	// stopTimeout is how long a stop waits before it kills; below 0 = for ever.
	stopTimeout time.Duration
	// exposed are the TCP ports of the image and of the command line, in order.
	exposed []int
	// startedAt is when it last started, in nanoseconds of the engine's clock;
	// 0 = never.
	startedAt int64
}

// endpoint is a container's place on a network.
type endpoint struct {
	name, id      string
	addr, gateway netip.Addr
}

// binding is a TCP port that is published on the engine's host.
type binding struct {
	port     int
	hostIP   netip.Addr
	hostPort int
}

const (
	defaultStopTimeout = 10 * time.Second
	stateRunning       = "running"
	healthHealthy      = "healthy"
)

// why says in words why the container gets no new requests; empty = it may.
func (c *container) why() string {
	switch {
	case c.state != stateRunning:
		return "it is " + c.state
	case c.health != "" && c.health != healthHealthy:
		return "its health is " + c.health
	}
	return ""
}

// same tells whether two looks at a container saw the same, details aside.
func (c *container) same(o *container) bool {
	return c.name == o.name && c.state == o.state && c.health == o.health && c.networkMode == o.networkMode &&
		slices.Equal(c.networks, o.networks) && slices.Equal(c.bindings, o.bindings)
}

// tidy puts what the engine tells in any order into one.
func (c *container) tidy() {
	slices.SortFunc(c.networks, func(a, b endpoint) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	slices.SortFunc(c.bindings, func(a, b binding) int {
		return cmp.Or(cmp.Compare(a.hostIP.BitLen(), b.hostIP.BitLen()), cmp.Compare(a.port, b.port), cmp.Compare(a.hostPort, b.hostPort), a.hostIP.Compare(b.hostIP))
	})
	c.bindings = slices.Compact(c.bindings)
	if c.details != nil {
		slices.Sort(c.details.exposed)
		c.details.exposed = slices.Compact(c.details.exposed)
	}
}

// ports returns the TCP ports that the container says it serves, in order.
func (c *container) ports() []int {
	var ports []int
	if c.details != nil {
		ports = slices.Clone(c.details.exposed)
	}
	for _, b := range c.bindings {
		ports = append(ports, b.port)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// older orders containers: the one created first, then by name and id.
func older(a, b *container) int {
	return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
}
