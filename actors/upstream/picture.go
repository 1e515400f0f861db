package upstream

import (
	"slices"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// snapshot builds the picture of now. Until every peer of the upstream had its
// first result, unknown counts as healthy; later joiners are available after
// their first result, or when nothing else is.
func (p *pool) snapshot(now time.Time) *balance.Snapshot {
	if last := p.ref.Snapshot(); p.awaitsRings() && last != nil {
		return last.Reconsider(now) // the new set follows with its rings
	}
	c := balance.SnapshotConfig{Policy: p.policy(), Members: p.members(), Placement: p.rings, Probed: p.probes(),
		Pending: !p.discovered, EmptySince: p.emptySince, At: now}
	if p.replacing() {
		c.Placement, c.ReplaceBy = p.old.rings, p.old.by
	}
	available := 0
	for i := range c.Members {
		c.Members[i].Available = p.available(c.Members[i])
		if c.Members[i].Available {
			available++
		}
	}
	for i := range c.Members {
		if available == 0 && !p.refilling() && c.Members[i].Peer.Verdict() == messages.Unknown {
			c.Members[i].Available = true
		}
	}
	return balance.NewSnapshot(c)
}

func (p *pool) available(m balance.Member) bool {
	if p.replacing() {
		return m.Outgoing && m.Peer.Verdict() == messages.Healthy
	}
	if !p.probes() {
		return true
	}
	switch m.Peer.Verdict() {
	case messages.Healthy:
		return true
	case messages.Unhealthy:
		return false
	}
	return !p.ref.Settled() && !p.refilling()
}

// awaitsRings tells whether the present set cannot be published yet.
func (p *pool) awaitsRings() bool {
	return p.spec.Algo.Kind == messages.Hash && p.rings == nil && len(p.peers) > 0 && !p.replacing() && !p.bare
}

// members are all that serve or may: the outgoing peers and the present set.
func (p *pool) members() []balance.Member {
	members := make([]balance.Member, 0, len(p.old.peers)+len(p.peers))
	for _, spec := range p.old.peers {
		m := p.member(spec)
		m.Outgoing = true
		members = append(members, m)
	}
	for _, spec := range p.peers {
		members = append(members, p.member(spec))
	}
	return members
}

// ofPresentSet are the members without the outgoing ones.
func (p *pool) ofPresentSet() []balance.Member { return p.members()[len(p.old.peers):] }

func (p *pool) member(spec messages.PeerSpec) balance.Member {
	return balance.Member{Peer: p.ref.Peer(spec.Addr), Weight: spec.Weight, Tier: spec.Tier}
}

func specOf(m balance.Member) messages.PeerSpec {
	return messages.PeerSpec{Addr: m.Peer.Addr(), Weight: m.Weight, Tier: m.Tier}
}

func (p *pool) policy() balance.Policy {
	return policyOf(p.spec)
}

func (p *pool) watch() *messages.WatchPeers { return watchPeers(p.spec, p.gen, p.members()) }

func (p *pool) has(addr string) bool {
	return indexOf(p.peers, addr) >= 0 || indexOf(p.old.peers, addr) >= 0
}

func indexOf(peers []messages.PeerSpec, addr string) int {
	return slices.IndexFunc(peers, func(s messages.PeerSpec) bool { return s.Addr == addr })
}

// watchPeers says which peers are to be probed, and what is known of them.
func watchPeers(spec messages.UpstreamSpec, gen uint64, members []balance.Member) *messages.WatchPeers {
	targets := make([]messages.ProbeTarget, len(members))
	for i, m := range members {
		targets[i] = messages.ProbeTarget{Addr: m.Peer.Addr(), Verdict: m.Peer.Verdict(), Remembered: m.Peer.Remembered()}
	}
	return &messages.WatchPeers{Upstream: spec.Name, Gen: gen, Check: spec.Check, Peers: messages.ListOf(targets...)}
}

// policyOf says how an upstream picks and what it takes.
func policyOf(spec messages.UpstreamSpec) balance.Policy {
	return balance.Policy{Algo: spec.Algo, Limits: spec.Limits, Transparent: spec.Discovery.Kind == messages.DiscoverTransparent}
}
