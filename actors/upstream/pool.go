package upstream

import (
	"fmt"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// pool is the core of an upstream actor: it takes what became known and says
// what to do about it. It knows no actor and reads no clock.
type pool struct {
	ref  *balance.Ref
	spec messages.UpstreamSpec
	// gen is the generation of the children of this incarnation.
	gen uint64

	peers []messages.PeerSpec // merged, in the discoverer's order
	// discovered is false until the first set is known, from discovery or from
	// the snapshot of an earlier incarnation.
	discovered bool
	failing    bool // discovery fails at present
	emptySince time.Time
	// rings are the hash rings of peers; nil while others are being built.
	rings *balance.Placement
	state messages.UpstreamState
}

// effects is what the actor has to do after an input, in the order of the fields.
type effects struct {
	// build asks for new rings of these members, outside the actor.
	build []balance.Member
	// publish is the snapshot to publish.
	publish *balance.Snapshot
	// watch goes to health, discover to the discoverer.
	watch    *messages.WatchPeers
	discover messages.Message
	probe    *messages.ProbeNow
	events   []messages.Event
}

// newPool adopts what ref holds from an earlier incarnation.
func newPool(ref *balance.Ref, spec messages.UpstreamSpec, gen uint64) *pool {
	p := &pool{ref: ref, spec: spec, gen: gen}
	old := ref.Snapshot()
	if old == nil || old.State() == messages.StatePending || (old.Parked() && old.Len() == 0) {
		return p // nothing was discovered yet
	}
	p.discovered, p.emptySince = true, old.EmptySince()
	if ref.Settled() || !p.probes() {
		p.state = old.State() // which was told
	}
	for _, m := range old.Members() {
		p.peers = append(p.peers, messages.PeerSpec{Addr: m.Peer.Addr(), Weight: m.Weight, Tier: m.Tier})
	}
	return p
}

// start says what an incarnation does first: serve what it adopted, watch it.
func (p *pool) start(now time.Time) effects {
	return p.changedSet(now, effects{})
}

// ensure takes a new spec.
func (p *pool) ensure(spec messages.UpstreamSpec, now time.Time) effects {
	if p.spec.Equal(spec) {
		return effects{}
	}
	old := p.spec
	p.spec = spec
	fx := effects{events: []messages.Event{p.changed(messages.UpstreamUpdated, "", now)}}
	if !messages.EqualLists(old.Addrs, spec.Addrs) {
		fx.discover = messages.Discover{Spec: spec, Gen: p.gen}
	}
	if old.Algo != spec.Algo {
		p.rings = nil
	}
	if old.Check.Kind == messages.CheckOff && p.probes() {
		p.ref.SetSettled(false) // first results are due, as at the start
	}
	return p.changedSet(now, fx)
}

// found takes a full set of peers.
func (p *pool) found(m messages.PeersFound, now time.Time) effects {
	if m.Gen != p.gen {
		return effects{}
	}
	var fx effects
	if p.failing && !m.Partial {
		p.failing = false
		fx.events = append(fx.events, p.discovery(messages.DiscoveryRecovered, "", m.Peers.Len(), now))
	}
	peers := messages.MergePeers(m.Peers.Slice())
	if p.discovered && equalPeers(peers, p.peers) {
		return fx
	}
	if p.discovered {
		fx.events = append(fx.events, p.discovery(messages.DiscoverySet, describeChange(p.peers, peers), len(peers), now))
	}
	if len(peers) == 0 && (len(p.peers) > 0 || !p.discovered) {
		p.emptySince = now
	}
	if len(peers) > 0 {
		p.emptySince = time.Time{}
	}
	p.peers, p.discovered, p.rings = peers, true, nil
	return p.changedSet(now, fx)
}

// notFound takes a failed discovery: the last good set stays.
func (p *pool) notFound(m messages.DiscoveryFailed, now time.Time) effects {
	if m.Gen != p.gen {
		return effects{}
	}
	var fx effects
	if !p.failing {
		p.failing = true
		fx.events = append(fx.events, p.discovery(messages.DiscoveryFailure, m.Detail, len(p.peers), now))
	}
	if p.discovered {
		return fx
	}
	// The first discovery is over, without a peer: requests need not wait for it longer than for an empty set.
	p.discovered, p.emptySince = true, now
	return p.changedSet(now, fx)
}

// verdict takes what a prober decided.
func (p *pool) verdict(m messages.VerdictReached, now time.Time) effects {
	if m.Gen != p.gen || !p.has(m.Addr) {
		return effects{}
	}
	peer := p.ref.Peer(m.Addr)
	from, held, seq := peer.SetVerdict(m.Verdict, m.Code, m.Detail, m.At)
	if from == m.Verdict {
		return effects{}
	}
	var fx effects
	p.settle()
	fx.publish = p.snapshot(now)
	fx.events = append(fx.events, messages.Flipped{Upstream: p.spec.Name, Peer: m.Addr, From: from, To: m.Verdict,
		Code: m.Code, Detail: m.Detail, At: m.At, Held: held, Seq: seq,
		Available: fx.publish.Available(), Peers: fx.publish.Len()})
	return p.noteState(fx, now)
}

// ringsBuilt takes rings that were built for the present set.
func (p *pool) ringsBuilt(rings *balance.Placement, now time.Time) effects {
	p.rings = rings
	return p.complete(effects{}, now)
}

// starving says what to do when requests find no peer: probe all that are not
// healthy, and discover.
func (p *pool) starving() effects {
	return effects{probe: &messages.ProbeNow{Upstream: p.spec.Name}, discover: messages.Starving{Upstream: p.spec.Name}}
}

// suspected says what to do when a request to a peer failed: probe it.
func (p *pool) suspected(m messages.Suspected) effects {
	if !p.has(m.Addr) {
		return effects{}
	}
	return effects{probe: &messages.ProbeNow{Upstream: p.spec.Name, Addr: m.Addr}}
}

// changedSet completes fx after the set of peers or the spec changed.
func (p *pool) changedSet(now time.Time, fx effects) effects {
	p.settle()
	fx.watch = p.watch()
	if p.awaitsRings() {
		// The last snapshot serves until the rings are there. Without one, a pending snapshot lets requests wait.
		fx.build = p.members()
		if p.ref.Snapshot() == nil {
			fx.publish = balance.NewSnapshot(balance.SnapshotConfig{Policy: p.policy(), Pending: true, At: now})
		}
		return fx
	}
	return p.complete(fx, now)
}

// complete publishes the present set, and forgets the peers that are not in it:
// not earlier, because the snapshot before it serves until then.
func (p *pool) complete(fx effects, now time.Time) effects {
	p.ref.Retain(addrsOf(p.peers))
	fx.publish = p.snapshot(now)
	return p.noteState(fx, now)
}

// noteState adds the event of a changed state. Before every peer had its first
// result the state says nothing yet.
func (p *pool) noteState(fx effects, now time.Time) effects {
	state := fx.publish.State()
	if state == p.state || state == messages.StatePending || (!p.ref.Settled() && p.probes()) {
		return fx
	}
	p.state = state
	change := map[messages.UpstreamState]messages.UpstreamChange{
		messages.StateHealthy: messages.UpstreamHealthy, messages.StateDegraded: messages.UpstreamDegraded, messages.StateDown: messages.UpstreamDown,
	}[state]
	event := p.changed(change, "", now)
	event.Available, event.Peers = fx.publish.Available(), fx.publish.Len()
	fx.events = append(fx.events, event)
	return fx
}

// settle ends the start-up rule once every peer had its first result.
func (p *pool) settle() {
	if p.ref.Settled() || !p.discovered || !p.probes() || len(p.peers) == 0 {
		return
	}
	for _, spec := range p.peers {
		if p.ref.Peer(spec.Addr).Verdict() == messages.Unknown {
			return
		}
	}
	p.ref.SetSettled(true)
}

// snapshot builds the picture of now. Until every peer of the upstream had its
// first result, unknown counts as healthy; later joiners are available after
// their first result, or when nothing else is.
func (p *pool) snapshot(now time.Time) *balance.Snapshot {
	if last := p.ref.Snapshot(); p.awaitsRings() && last != nil {
		return last.Reconsider(now) // the new set follows with its rings
	}
	members := p.members()
	available := 0
	for i := range members {
		members[i].Available = p.available(members[i].Peer)
		if members[i].Available {
			available++
		}
	}
	for i := range members {
		if available == 0 && members[i].Peer.Verdict() == messages.Unknown {
			members[i].Available = true
		}
	}
	return balance.NewSnapshot(balance.SnapshotConfig{Policy: p.policy(), Members: members, Placement: p.rings,
		Pending: !p.discovered, EmptySince: p.emptySince, At: now})
}

// awaitsRings tells whether the present set cannot be published yet.
func (p *pool) awaitsRings() bool {
	return p.spec.Algo.Kind == messages.Hash && p.rings == nil && len(p.peers) > 0
}

func (p *pool) available(peer *balance.Peer) bool {
	if !p.probes() {
		return true
	}
	switch peer.Verdict() {
	case messages.Healthy:
		return true
	case messages.Unhealthy:
		return false
	}
	return !p.ref.Settled()
}

// probes tells whether verdicts decide; with the check off every peer is available.
func (p *pool) probes() bool { return p.spec.Check.Kind != messages.CheckOff }

func (p *pool) members() []balance.Member {
	members := make([]balance.Member, len(p.peers))
	for i, spec := range p.peers {
		members[i] = balance.Member{Peer: p.ref.Peer(spec.Addr), Weight: spec.Weight, Tier: spec.Tier}
	}
	return members
}

func (p *pool) policy() balance.Policy {
	return balance.Policy{Algo: p.spec.Algo, Limits: p.spec.Limits}
}

func (p *pool) watch() *messages.WatchPeers {
	return watchPeers(p.spec, p.gen, p.members())
}

func (p *pool) has(addr string) bool {
	for i := range p.peers {
		if p.peers[i].Addr == addr {
			return true
		}
	}
	return false
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

// watchPeers says which peers are to be probed, and what is known of them.
func watchPeers(spec messages.UpstreamSpec, gen uint64, members []balance.Member) *messages.WatchPeers {
	targets := make([]messages.ProbeTarget, len(members))
	for i, m := range members {
		targets[i] = messages.ProbeTarget{Addr: m.Peer.Addr(), Verdict: m.Peer.Verdict()}
	}
	return &messages.WatchPeers{Upstream: spec.Name, Gen: gen, Check: spec.Check, Peers: messages.ListOf(targets...)}
}

func addrsOf(peers []messages.PeerSpec) []string {
	addrs := make([]string, len(peers))
	for i := range peers {
		addrs[i] = peers[i].Addr
	}
	return addrs
}

// equalPeers compares two sets; order counts, because discoverers keep it.
func equalPeers(a, b []messages.PeerSpec) bool {
	return messages.EqualLists(messages.ListOf(a...), messages.ListOf(b...))
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
