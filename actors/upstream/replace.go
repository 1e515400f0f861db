package upstream

import (
	"fmt"
	"slices"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// replacement is make before break: when a set arrives that shares no peer with
// the one in service, the healthy peers of that go on serving until a new one is
// healthy, or the time is up. Sets that arrive meanwhile replace the new set and
// leave the time as it is. Everything stands in the snapshot too, from which an
// upstream that restarts adopts it.
//
//	set found   shares a peer with the old, or is empty   the set serves
//	            else                                      the old go on
//	verdict     a new peer is healthy                     the set serves
//	            no old peer is healthy any more           the set serves
//	time up     a part of the set was not found           the old go on
//	            else                                      the set serves, unproven
//	check off                                             the set serves
type replacement struct {
	// peers are the old ones that serve; empty = nothing is being replaced.
	peers []messages.PeerSpec
	// rings are the hash rings of the set they are of.
	rings *balance.Placement
	// by is when they cease to serve.
	by time.Time
}

// outcome is what became of a replacement.
type outcome int

const (
	// goesOn: there is none, or it is not over.
	goesOn outcome = iota
	// over: the present set serves.
	over
	// unproven: the present set serves although none of its peers was found healthy in time.
	unproven
)

// limit shortens the time to at most timeout from now.
func (r *replacement) limit(timeout time.Duration, now time.Time) {
	if by := now.Add(timeout); len(r.peers) > 0 && by.Before(r.by) {
		r.by = by
	}
}

// replacing tells whether old peers serve in the place of the present set.
func (p *pool) replacing() bool { return len(p.old.peers) > 0 }

// replace returns which peers of those in service go on serving when next
// becomes the present set; mostly none. A peer whose verdict is only remembered
// is not known to be healthy: it does not outlive its set, and proves nothing.
func (p *pool) replace(next []messages.PeerSpec, now time.Time) replacement {
	last := p.ref.Snapshot()
	if last == nil || !p.discovered || !p.probes() || len(next) == 0 || p.spec.ReplaceTimeout <= 0 {
		return replacement{}
	}
	kept := replacement{rings: last.Placement(), by: now.Add(p.spec.ReplaceTimeout)}
	if p.replacing() {
		kept = replacement{rings: p.old.rings, by: p.old.by}
	}
	for _, m := range last.Members() {
		if p.replacing() && !m.Outgoing {
			continue // of a set that never served
		}
		if indexOf(next, m.Peer.Addr()) >= 0 {
			return replacement{}
		}
		if isHealthy(m.Peer) {
			kept.peers = append(kept.peers, specOf(m))
		}
	}
	if len(kept.peers) == 0 {
		return replacement{}
	}
	return kept
}

// review ends the replacement when it is time.
func (p *pool) review(now time.Time) outcome {
	if !p.replacing() {
		return goesOn
	}
	reached := over
	if p.probes() && !p.anyHealthy(p.peers) && p.anyHealthy(p.old.peers) {
		if now.Before(p.old.by) {
			return goesOn
		}
		if p.partial && p.spec.ReplaceTimeout > 0 { // what is missing may be what works
			p.old.by = now.Add(p.spec.ReplaceTimeout)
			return goesOn
		}
		reached = unproven
	}
	p.old, p.bare = replacement{}, p.rings == nil
	return reached
}

// noteUnproven adds the event of a replacement that ended without a proof.
func (p *pool) noteUnproven(reached outcome, fx effects, now time.Time) effects {
	if reached != unproven {
		return fx
	}
	event := p.changed(messages.UpstreamUnproven,
		fmt.Sprintf("none of %d new peers was found healthy within replace_timeout; they are used now", len(p.peers)), now)
	event.Available = fx.publish.Available()
	fx.events = append(fx.events, event)
	return fx
}

func (p *pool) anyHealthy(peers []messages.PeerSpec) bool {
	return slices.ContainsFunc(peers, func(s messages.PeerSpec) bool { return isHealthy(p.ref.Peer(s.Addr)) })
}

// isHealthy tells whether this process found a peer healthy.
func isHealthy(peer *balance.Peer) bool {
	return peer.Verdict() == messages.Healthy && !peer.Remembered()
}
