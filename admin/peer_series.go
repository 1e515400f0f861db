package admin

import (
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/meter"
)

// maxPeerSeries is the number of peers in all upstreams above which there are no
// series per peer: they would cost the scraper more than they tell it.
const maxPeerSeries = 1000

// peerSource emits what is known of upstreams and peers.
type peerSource struct{ registry *balance.Registry }

func (p peerSource) Collect(emit func(meter.Sample)) {
	type group struct {
		upstream string
		members  []balance.Member
	}
	var groups []group
	total := 0
	for _, ref := range p.registry.Refs() {
		snapshot := ref.Snapshot()
		if snapshot == nil {
			continue
		}
		groups = append(groups, group{ref.Name(), snapshot.Members()})
		total += snapshot.Len()
		upstream := meter.Label{Name: "upstream", Value: ref.Name()}
		for state, n := range map[string]int{"available": snapshot.Available(), "unavailable": snapshot.Len() - snapshot.Available()} {
			emit(gauge("weir_upstream_peers", "Peers of an upstream, by whether they may get new requests.", float64(n),
				upstream, meter.Label{Name: "state", Value: state}))
		}
		emit(gauge("weir_upstream_parked", "1 while the upstream's actor is given up for now.", oneIf(snapshot.Parked()), upstream))
		if d, ok := ref.LastDiscovery(); ok {
			emitDiscovery(emit, upstream, d)
		}
	}
	emit(gauge("weir_per_peer_series", "1 while there are series per peer; 0 above 1000 peers.", oneIf(total <= maxPeerSeries)))
	if total > maxPeerSeries {
		return
	}
	for _, g := range groups {
		for _, m := range g.members {
			emitPeer(emit, g.upstream, m)
		}
	}
}

func emitDiscovery(emit func(meter.Sample), upstream meter.Label, d balance.DiscoveryRecord) {
	if !d.LastSuccess.IsZero() {
		emit(gauge("weir_discovery_last_success_seconds", "When all peers of an upstream were found last, as Unix time.",
			float64(d.LastSuccess.UnixMilli())/1000, upstream))
	}
	emit(gauge("weir_discovery_stale", "1 while a part of the peers is of an earlier look, because the latest failed.", oneIf(d.Stale), upstream))
}

func emitPeer(emit func(meter.Sample), upstream string, m balance.Member) {
	labels := []meter.Label{{Name: "upstream", Value: upstream}, {Name: "peer", Value: m.Peer.Addr()}}
	emit(gauge("weir_peer_available", "1 while the peer may get new requests.", oneIf(m.Available), labels...))
	emit(gauge("weir_peer_verdict", "What probing decided: 0 unknown, 1 healthy, 2 unhealthy.", float64(m.Peer.Verdict()), labels...))
	emit(gauge("weir_peer_in_flight", "Requests that the peer has now.", float64(m.Peer.InFlight()), labels...))
	emit(meter.Sample{Name: "weir_peer_requests_total", Kind: meter.Counter, Labels: labels, Value: float64(m.Peer.Requests()),
		Help: "Requests, with retries, that the peer was picked for."})
	emit(meter.Sample{Name: "weir_peer_failures_total", Kind: meter.Counter, Labels: labels, Value: float64(m.Peer.Failures()),
		Help: "Requests that failed at the peer."})
}

func gauge(name, help string, value float64, labels ...meter.Label) meter.Sample {
	return meter.Sample{Name: name, Help: help, Kind: meter.Gauge, Labels: labels, Value: value}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
