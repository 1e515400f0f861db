package upstream

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/messages"
)

// noteState adds the event of a changed state. Before every peer had its first
// result, and while old peers stand in for new ones, the state says nothing yet.
func (p *pool) noteState(fx effects, now time.Time) effects {
	state := fx.publish.State()
	if state == p.state || state == messages.StatePending || p.replacing() || (!p.ref.Settled() && p.probes() && len(p.peers) > 0) {
		return fx
	}
	p.state = state
	event := p.changed(stateChange(state), "", now)
	event.Available, event.Peers = fx.publish.Available(), fx.publish.Len()
	fx.events = append(fx.events, event)
	return fx
}

// stateChange is what an event calls a state.
func stateChange(state messages.UpstreamState) messages.UpstreamChange {
	switch state {
	case messages.StateHealthy:
		return messages.UpstreamHealthy
	case messages.StateDegraded:
		return messages.UpstreamDegraded
	}
	return messages.UpstreamDown
}

func (p *pool) changed(change messages.UpstreamChange, detail string, now time.Time) messages.UpstreamChanged {
	event := messages.UpstreamChanged{Upstream: p.spec.Name, Change: change, Detail: detail, Peers: len(p.peers), At: now}
	if s := p.ref.Snapshot(); s != nil {
		event.Available = s.Available()
	}
	return event
}

func (p *pool) discovery(change messages.DiscoveryChange, detail string, peers int, now time.Time) messages.DiscoveryChanged {
	return messages.DiscoveryChanged{Upstream: p.spec.Name, Change: change, Detail: detail, Peers: peers, At: now}
}

// describeChange says what differs between two sets, for the event's detail.
func describeChange(old, now []messages.PeerSpec) string {
	was := make(map[string]messages.PeerSpec, len(old))
	for _, p := range old {
		was[p.Addr] = p
	}
	added, changed := 0, 0
	for _, p := range now {
		before, known := was[p.Addr]
		switch {
		case !known:
			added++
		case before != p:
			changed++
		}
		delete(was, p.Addr)
	}
	return fmt.Sprintf("%d added, %d removed, %d changed", added, len(was), changed)
}
