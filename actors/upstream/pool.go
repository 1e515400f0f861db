package upstream

import (
	"slices"
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
	// partial tells that a part of the latest set was not found.
	partial    bool
	emptySince time.Time
	// old are peers that serve in the place of peers; see replacement.
	old replacement
	// rings are the hash rings of peers; nil while others are being built.
	rings *balance.Placement
	// building tells that rings of peers are being built.
	building bool
	// bare tells to serve peers without their rings: there is nothing better.
	bare  bool
	state messages.UpstreamState
}

// effects is what the actor has to do after an input, in the order of the fields.
type effects struct {
	// build asks for new rings of these members, outside the actor.
	build []balance.Member
	// publish is the snapshot to publish.
	publish *balance.Snapshot
	// left are peers that are in use no more.
	left []*balance.Peer
	// watch goes to health, discover to the discoverer.
	watch    *messages.WatchPeers
	discover messages.Message
	probe    *messages.ProbeNow
	events   []messages.Event
}

// newPool adopts what ref holds from an earlier incarnation.
func newPool(ref *balance.Ref, spec messages.UpstreamSpec, gen uint64) *pool {
	p := &pool{ref: ref, spec: spec, gen: gen}
	last := ref.Snapshot()
	if last == nil || last.State() == messages.StatePending || (last.Parked() && last.Len() == 0) {
		return p // nothing was discovered yet
	}
	p.discovered, p.emptySince = true, last.EmptySince()
	if ref.Settled() || !p.probes() {
		p.state = last.State() // which was told
	}
	for _, m := range last.Members() {
		spec := specOf(m)
		if m.Outgoing {
			p.old.peers = append(p.old.peers, spec)
		} else {
			p.peers = append(p.peers, spec)
		}
	}
	if p.replacing() {
		p.old.by, p.old.rings = last.ReplaceBy(), last.Placement()
	}
	return p
}

// start says what an incarnation does first: serve what it adopted, watch it.
func (p *pool) start(now time.Time) effects {
	return p.changedSet(now, effects{watch: p.watch()})
}

// ensure takes a new spec. What is the same in it is left alone.
func (p *pool) ensure(spec messages.UpstreamSpec, now time.Time) effects {
	if p.spec.Equal(spec) {
		return effects{}
	}
	before := p.spec
	p.spec = spec
	fx := effects{events: []messages.Event{p.changed(messages.UpstreamUpdated, "", now)}}
	if !messages.EqualLists(before.Addrs, spec.Addrs) || !before.Discovery.Equal(spec.Discovery) {
		fx.discover = messages.Discover{Spec: spec, Gen: p.gen}
	}
	if before.Algo.Kind != spec.Algo.Kind {
		p.rings, p.building = nil, false
	}
	if before.Check.Kind == messages.CheckOff && p.probes() {
		p.doubt()
	}
	if !before.Check.Equal(spec.Check) {
		fx.watch = p.watch()
	}
	p.old.limit(spec.ReplaceTimeout, now)
	return p.changedSet(now, fx)
}

// doubt begins the start-up rule anew: first results are due, and what was
// decided before the check was off is only remembered.
func (p *pool) doubt() {
	p.ref.SetSettled(false)
	for _, m := range p.members() {
		m.Peer.Doubt()
	}
}

// found takes a full set of peers.
func (p *pool) found(m messages.PeersFound, now time.Time) effects {
	if m.Gen != p.gen {
		return effects{}
	}
	var fx effects
	if _, fails := p.ref.DiscoveryFails(); fails && !m.Partial {
		p.ref.SetDiscoveryFails(nil)
		fx.events = append(fx.events, p.discovery(messages.DiscoveryRecovered, "", m.Peers.Len(), now))
	}
	p.partial = m.Partial
	complete := !m.Partial && p.ref.NoteComplete()
	peers := messages.MergePeers(m.Peers.Slice())
	if p.discovered && slices.Equal(peers, p.peers) {
		if complete && !p.awaitsRings() {
			fx.left = p.retain(now) // what was remembered of others is of no use any more
		}
		return fx
	}
	if p.discovered {
		fx.events = append(fx.events, p.discovery(messages.DiscoverySet, describeChange(p.peers, peers), len(peers), now))
	}
	if len(peers) == 0 && (len(p.peers) > 0 || !p.discovered) {
		p.emptySince = now
	}
	p.old = p.replace(peers, now)
	p.peers, p.discovered, p.rings, p.building, p.bare = peers, true, nil, false, false
	fx.watch = p.watch()
	return p.changedSet(now, fx)
}

// notFound takes a failed discovery: the last good set stays.
func (p *pool) notFound(m messages.DiscoveryFailed, now time.Time) effects {
	if m.Gen != p.gen {
		return effects{}
	}
	var fx effects
	// One name that never resolves must not hide that another ceased to.
	if what, fails := p.ref.DiscoveryFails(); !fails || what != m.What {
		p.ref.SetDiscoveryFails(&m.What)
		fx.events = append(fx.events, p.discovery(messages.DiscoveryFailure, m.Detail, len(p.peers), now))
	}
	if p.discovered {
		return fx
	}
	// The first discovery is over, without a peer: requests need not wait for it longer than for an empty set.
	p.discovered, p.emptySince = true, now
	return p.changedSet(now, fx)
}

// verdict takes what a prober decided. With the check off meanwhile it says nothing.
func (p *pool) verdict(m messages.VerdictReached, now time.Time) effects {
	if m.Gen != p.gen || !p.probes() || !p.has(m.Addr) {
		return effects{}
	}
	peer := p.ref.Peer(m.Addr)
	remembered := peer.Remembered()
	from, held, seq := peer.SetVerdict(m.Verdict, m.Code, m.Detail, m.At)
	if m.Verdict == messages.Healthy {
		p.emptySince = time.Time{}
	}
	if from == m.Verdict && !remembered {
		return effects{}
	}
	var fx effects
	p.settle()
	outcome := p.review(now)
	if outcome != goesOn {
		fx.watch, fx.left = p.watch(), p.retain(now)
	}
	fx.publish = p.snapshot(now)
	if from != m.Verdict {
		fx.events = append(fx.events, messages.Flipped{Upstream: p.spec.Name, Peer: m.Addr, From: from, To: m.Verdict,
			Code: m.Code, Detail: m.Detail, At: m.At, Held: held, Seq: seq,
			Available: fx.publish.Available(), Peers: fx.publish.Len()})
	}
	return p.noteState(p.noteUnproven(outcome, fx, now), now)
}

// due takes the end of the time in which old peers serve in the place of new
// ones, or in which new ones must be found healthy first.
func (p *pool) due(now time.Time) effects {
	if at := p.wakes(); at.IsZero() || now.Before(at) {
		return effects{}
	}
	return p.changedSet(now, effects{watch: p.watch()})
}

// wakes returns when due is to be called; zero = never.
func (p *pool) wakes() time.Time {
	switch {
	case p.replacing():
		return p.old.by
	case p.refilling():
		return p.refillEnd()
	}
	return time.Time{}
}

// ringsBuilt takes rings that were built for the present set.
func (p *pool) ringsBuilt(rings *balance.Placement, now time.Time) effects {
	p.rings, p.building, p.bare = rings, false, false
	if p.replacing() {
		return effects{} // they are for later
	}
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

// changedSet completes fx after the set of peers, the spec or the time changed.
func (p *pool) changedSet(now time.Time, fx effects) effects {
	p.settle()
	p.endRefill(now)
	outcome := p.review(now)
	if outcome != goesOn {
		fx.watch = p.watch()
	}
	if p.spec.Algo.Kind == messages.Hash && p.rings == nil && !p.building && len(p.peers) > 0 {
		fx.build, p.building = p.ofPresentSet(), true
	}
	if p.awaitsRings() {
		// The last snapshot serves until the rings are there. Without one, a pending snapshot lets requests wait.
		if p.ref.Snapshot() == nil {
			fx.publish = balance.NewSnapshot(balance.SnapshotConfig{Policy: p.policy(), Pending: true, At: now})
		}
		return fx
	}
	return p.noteUnproven(outcome, p.complete(fx, now), now)
}

// complete publishes the present set, and forgets the peers that are not in it:
// not earlier, because the snapshot before it serves until then.
func (p *pool) complete(fx effects, now time.Time) effects {
	fx.left = p.retain(now)
	fx.publish = p.snapshot(now)
	return p.noteState(fx, now)
}

// retain forgets the peers that are in use no more.
func (p *pool) retain(now time.Time) []*balance.Peer {
	addrs := make([]string, 0, len(p.peers)+len(p.old.peers))
	for _, peers := range [][]messages.PeerSpec{p.old.peers, p.peers} {
		for i := range peers {
			addrs = append(addrs, peers[i].Addr)
		}
	}
	return p.ref.Retain(addrs, now, p.spec.DrainTimeout)
}

// settle ends the start-up rule once every peer had its first result of this process.
func (p *pool) settle() {
	if p.ref.Settled() || !p.discovered || !p.probes() || len(p.peers) == 0 {
		return
	}
	for _, spec := range p.peers {
		if !decided(p.ref.Peer(spec.Addr)) {
			return
		}
	}
	p.ref.SetSettled(true)
}

// probes tells whether verdicts decide; with the check off every peer is available.
func (p *pool) probes() bool { return p.spec.Check.Kind != messages.CheckOff }

// decided tells whether a peer has a verdict of this process.
func decided(peer *balance.Peer) bool {
	return peer.Verdict() != messages.Unknown && !peer.Remembered()
}
