package config

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/messages"
)

const (
	maxInFlight = 10_000_000
	maxQueue    = 1_000_000
)

// The ring of a hash has pointsPerWeight points for each unit of a peer's
// weight, and at most maxRingPoints; balance holds the same numbers.
const (
	pointsPerWeight = 160
	maxRingPoints   = 4_000_000
)

// upstream reads a value under upstreams. Faults are noted; what has one keeps
// its default.
func (v item) upstream(name string) messages.UpstreamSpec {
	spec := defaultUpstream(name)
	o, ok := v.object(`a mapping such as {addrs: ["10.0.0.1:8080"]}`)
	if !ok {
		return spec
	}
	defer o.close()
	sound := o.discovery(&spec.Discovery)
	form := peerForm{kind: spec.Discovery.Kind, port: o.serverName(&spec.Transport.TLS)}
	byAlgo := o.kindOfAlgo(&spec.Discovery)
	if spec.Discovery.Kind == messages.DiscoverTransparent {
		o.transparent(&spec, byAlgo)
		o.peersOrNot(&spec)
		return spec
	}
	o.forbid("this is for discovery: transparent", "", "transparent")
	var addrs []messages.PeerSpec
	o.need("addrs", "addrs is missing")
	if sound {
		read(o, "addrs", &addrs, peers(form))
	} else {
		o.get("addrs") // what they may be is not known
	}
	spec.Addrs = messages.ListOf(addrs...)
	o.checkDiscovery(spec)
	read(o, "algo", &spec.Algo, item.algo)
	o.checkRing(spec)
	read(o, "health_check", &spec.Check, item.check)
	o.checkSockets(spec)
	read(o, "max_requests", &spec.Limits.MaxRequests, count(0, maxInFlight))
	read(o, "queue", &spec.Limits.Queue, count(0, maxQueue))
	read(o, "queue_timeout", &spec.Limits.QueueTimeout, someDuration(time.Millisecond))
	read(o, "queue_when_down", &spec.Limits.QueueWhenDown, truth)
	read(o, "drain_timeout", &spec.DrainTimeout, duration(time.Millisecond))
	read(o, "replace_timeout", &spec.ReplaceTimeout, duration(time.Millisecond))
	o.peersOrNot(&spec)
	return spec
}

// peersOrNot reads what every upstream has, with peers of its own or without.
func (o *object) peersOrNot(spec *messages.UpstreamSpec) {
	read(o, "retry", &spec.Retry, item.retry)
	o.transport(spec)
	if v, ok := o.get("remark"); ok { // for those who read the file
		v.r.remarks[spec.Name], _ = remark(v)
	}
}

// checkRing refuses a hash whose ring would be too large.
func (o *object) checkRing(spec messages.UpstreamSpec) {
	if spec.Algo.Kind != messages.Hash {
		return
	}
	sum := 0
	for _, p := range spec.Addrs.All() {
		sum += p.Weight
	}
	if sum*pointsPerWeight > maxRingPoints {
		addrs, _ := o.get("addrs")
		addrs.hinted("smaller weights share alike", fmt.Sprintf(
			"with a hash the weights add up to at most %d, not %d", maxRingPoints/pointsPerWeight, sum))
	}
}

// checkSockets refuses what peers that are unix sockets do not have.
func (o *object) checkSockets(spec messages.UpstreamSpec) {
	if addr := firstSocket(spec.Addrs); addr != "" && spec.Check.Port != 0 {
		o.child("health_check").child("port").fault(addr + " is a unix socket, which has no other port to probe")
	}
}
