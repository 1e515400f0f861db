package docker

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

var (
	errNoNetwork = errors.New("it is on no network that gives it an address")
	errNoHost    = errors.New("weir's own container has no gateway, so that it cannot reach what is on the engine's machine itself")
	errJoined    = errors.New("it uses the network of a container that does not run")
)

// address is where a peer is reached. warning is about a choice that a label
// should make.
type address struct {
	addr    netip.AddrPort
	warning string
}

// addressOf chooses the address of port of a container. nets is the container
// whose network it lives in.
func (p placement) addressOf(nets *container, port int, network string, mode PeerAddr) (address, error) {
	switch {
	case strings.HasPrefix(nets.networkMode, networkContainer):
		return address{}, errJoined
	case nets.networkMode == networkHost:
		return p.onHost(port)
	case mode == PeerAddrPublished:
		return p.published(nets, port)
	case network != "":
		return named(nets, port, network)
	}
	reachable := endpointsWhere(nets, p.reaches)
	if len(reachable) > 0 {
		return first(reachable, port), nil
	}
	if mode == PeerAddrNetwork {
		every := endpointsWhere(nets, func(e endpoint) bool { return e.addr.IsValid() })
		if len(every) == 0 {
			return address{}, errNoNetwork
		}
		return first(every, port), nil
	}
	found, err := p.published(nets, port)
	if err != nil {
		return address{}, fmt.Errorf("weir shares no network with it (it is on %s), and %w", networkNames(nets), err)
	}
	return found, nil
}

// onHost is the address of a container on the host's own network.
func (p placement) onHost(port int) (address, error) {
	if !p.host.IsValid() {
		return address{}, errNoHost
	}
	return address{addr: netip.AddrPortFrom(p.host, uint16(port))}, nil
}

// named is the address on the network that a label names.
func named(c *container, port int, network string) (address, error) {
	for _, e := range c.networks {
		if e.name == network && e.addr.IsValid() {
			return address{addr: netip.AddrPortFrom(e.addr, uint16(port))}, nil
		}
	}
	return address{}, fmt.Errorf("label %s: it has no address on network %q, it is on %s", labelNetwork, shorten(network), networkNames(c))
}

// published is the address of a published port.
func (p placement) published(c *container, port int) (address, error) {
	refused := fmt.Errorf("port %d is not published", port)
	for _, b := range c.bindings {
		if b.port != port {
			continue
		}
		switch {
		case !b.hostIP.IsValid() || b.hostIP.IsUnspecified():
			if !p.host.IsValid() {
				refused = errNoHost
				continue
			}
			return address{addr: netip.AddrPortFrom(p.host, uint16(b.hostPort))}, nil
		case b.hostIP.IsLoopback() && !p.loopback:
			refused = fmt.Errorf("port %d is published on the loopback of the engine's machine (%s), which weir does not reach", port, b.hostIP)
			continue
		}
		return address{addr: netip.AddrPortFrom(b.hostIP, uint16(b.hostPort))}, nil
	}
	return address{}, refused
}

// first takes the first of several places, in the order of their names.
func first(at []endpoint, port int) address {
	a := address{addr: netip.AddrPortFrom(at[0].addr, uint16(port))}
	if len(at) > 1 {
		a.warning = fmt.Sprintf("it is on %d networks that may serve (%s), and %s was taken: say which by label %s",
			len(at), joinNames(at), at[0].name, labelNetwork)
	}
	return a
}

func endpointsWhere(c *container, good func(endpoint) bool) []endpoint {
	var out []endpoint
	for _, e := range c.networks {
		if good(e) {
			out = append(out, e)
		}
	}
	return out
}

// networkNames prints the names of a container's networks.
func networkNames(c *container) string {
	if len(c.networks) == 0 {
		return "none"
	}
	return joinNames(c.networks)
}

func joinNames(at []endpoint) string {
	const most = 8
	var names []string
	for i, e := range at {
		if i == most {
			names = append(names, "...")
			break
		}
		names = append(names, shorten(e.name))
	}
	return strings.Join(names, ", ")
}
