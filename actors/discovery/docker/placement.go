package docker

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
)

// surroundings are what weir sees of the place it runs in.
type surroundings struct {
	// candidates are ids, or beginnings of ids, of the container that weir may run in.
	candidates []string
	// local are the addresses of this machine's (or container's) interfaces,
	// with the networks they are on.
	local []netip.Prefix
	// remote is the engine's address when it is on another machine.
	remote netip.Addr
}

// lookAround reads the surroundings, all but remote.
func lookAround() surroundings {
	mounts, _ := os.ReadFile("/proc/self/mountinfo") // absent where there is no Linux: no candidate
	groups, _ := os.ReadFile("/proc/self/cgroup")
	hostname, _ := os.Hostname()
	var around surroundings
	around.candidates = selfCandidates(string(mounts), string(groups), hostname)
	addrs, _ := net.InterfaceAddrs() // without, no network is shared
	for _, addr := range addrs {
		if prefix, err := netip.ParsePrefix(addr.String()); err == nil {
			around.local = append(around.local, prefix)
		}
	}
	return around
}

var (
	// A container's files are mounted into it from a folder named after it. On
	// the host itself other files of that folder may be mounted, elsewhere.
	mountOfSelf = regexp.MustCompile(`/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) /etc/`)
	groupOfSelf = regexp.MustCompile(`(?:/docker/|/docker-|/libpod-)([0-9a-f]{64})`)
	shortID     = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// selfCandidates returns ids of the container that weir may run in: by what is
// mounted (mountinfo, proc(5)), by control group, by hostname, which is the
// beginning of the id unless it was set. They count when the engine knows them.
func selfCandidates(mountinfo, cgroup, hostname string) []string {
	var ids []string
	if m := mountOfSelf.FindStringSubmatch(mountinfo); m != nil {
		ids = append(ids, m[1])
	}
	if m := groupOfSelf.FindStringSubmatch(cgroup); m != nil {
		ids = append(ids, m[1])
	}
	if shortID.MatchString(hostname) {
		ids = append(ids, hostname)
	}
	return ids
}

// placement is where weir runs, as seen from the engine's containers.
type placement struct {
	// self is the id of weir's container on this engine; empty = it runs elsewhere.
	self string
	// shared are the ids of the networks of weir's container.
	shared []string
	// local are weir's own addresses when it runs on the engine's machine
	// itself: bridges that have one of them are reachable.
	local []netip.Prefix
	// host is how weir reaches the engine's machine; invalid = not at all.
	host netip.Addr
	// loopback is set when ports bound to the engine's loopback are reachable.
	loopback bool
}

// place finds weir among the containers.
func place(around surroundings, containers map[string]*container) placement {
	self := findSelf(around.candidates, containers)
	if self != nil {
		if nets := netOwner(self, containers); nets.networkMode != networkHost {
			at := placement{self: self.id}
			for _, e := range nets.networks {
				at.shared = append(at.shared, e.id)
				if !at.host.IsValid() {
					at.host = e.gateway
				}
			}
			return at
		}
	}
	at := placement{local: around.local, host: netip.AddrFrom4([4]byte{127, 0, 0, 1}), loopback: true}
	if around.remote.IsValid() && self == nil {
		at = placement{host: around.remote}
	}
	if self != nil {
		at.self = self.id
	}
	return at
}

// same tells whether two placements reach the same.
func (p placement) same(o placement) bool {
	return p.self == o.self && p.host == o.host && p.loopback == o.loopback && slices.Equal(p.shared, o.shared) && slices.Equal(p.local, o.local)
}

// findSelf returns the container that a candidate names, or nil.
func findSelf(candidates []string, containers map[string]*container) *container {
	for _, candidate := range candidates {
		if c := containers[candidate]; c != nil {
			return c
		}
		if len(candidate) >= 64 {
			continue
		}
		for id, c := range containers {
			if strings.HasPrefix(id, candidate) {
				return c
			}
		}
	}
	return nil
}

// isSelf tells whether a container may be the one that weir runs in. The engine lists
// it once it has noted that its process, this one, was started.
func isSelf(candidates []string, id string) bool {
	return slices.ContainsFunc(candidates, func(candidate string) bool { return strings.HasPrefix(id, candidate) })
}

const (
	networkHost      = "host"
	networkContainer = "container:"
)

// netOwner returns the container whose network c lives in: itself, unless it
// was told to join another's.
func netOwner(c *container, containers map[string]*container) *container {
	for range 4 { // it may join one that joined one; never for ever
		id, joined := strings.CutPrefix(c.networkMode, networkContainer)
		if !joined {
			break
		}
		other := containers[id]
		if other == nil {
			break
		}
		c = other
	}
	return c
}

// reaches tells whether weir reaches containers at that place.
func (p placement) reaches(e endpoint) bool {
	if !e.addr.IsValid() {
		return false
	}
	if slices.Contains(p.shared, e.id) {
		return true
	}
	// A bridge is this machine's when its gateway, or lacking one its network, is.
	return slices.ContainsFunc(p.local, func(own netip.Prefix) bool {
		if e.gateway.IsValid() {
			return own.Addr() == e.gateway
		}
		return own.Bits() > 0 && own.Contains(e.addr)
	})
}

// compareAddrs orders host:port by number, what is not one by text.
func compareAddrs(a, b string) int {
	x, errX := netip.ParseAddrPort(a)
	y, errY := netip.ParseAddrPort(b)
	if errX != nil || errY != nil {
		return cmp.Compare(a, b)
	}
	return x.Compare(y)
}
