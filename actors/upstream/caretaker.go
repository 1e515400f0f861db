package upstream

import (
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// parkUpstream says what to do when an upstream is parked: its last snapshot
// goes on serving, marked as parked, and its peers are probed under the
// manager. Without a snapshot an empty one answers, so that no request hangs.
func parkUpstream(ref *balance.Ref, spec messages.UpstreamSpec, gen uint64, detail string, now time.Time) effects {
	var fx effects
	if last := ref.Snapshot(); last != nil {
		fx.publish = last.Park(now)
	} else {
		fx.publish = balance.NewSnapshot(balance.SnapshotConfig{
			Policy: policyOf(spec), At: now, Parked: true, Probed: spec.Check.Kind != messages.CheckOff})
	}
	fx.watch = watchPeers(spec, gen, fx.publish.Members())
	fx.events = []messages.Event{messages.UpstreamChanged{Upstream: spec.Name, Change: messages.UpstreamParked, Detail: detail,
		Available: fx.publish.Available(), Peers: fx.publish.Len(), At: now}}
	return fx
}

// careVerdict takes a verdict on a peer of a parked upstream: the membership
// stays, availability follows.
func careVerdict(ref *balance.Ref, m messages.VerdictReached, now time.Time) effects {
	last := ref.Snapshot()
	if last == nil || !isMember(last, m.Addr) {
		return effects{}
	}
	peer := ref.Peer(m.Addr)
	remembered := peer.Remembered()
	from, held, seq := peer.SetVerdict(m.Verdict, m.Code, m.Detail, m.At)
	if from == m.Verdict && !remembered {
		return effects{}
	}
	next := last.Reconsider(now)
	if from == m.Verdict {
		return effects{publish: next}
	}
	return effects{publish: next, events: []messages.Event{messages.Flipped{Upstream: m.Upstream, Peer: m.Addr, From: from, To: m.Verdict,
		Code: m.Code, Detail: m.Detail, At: m.At, Held: held, Seq: seq, Available: next.Available(), Peers: next.Len()}}}
}

func isMember(s *balance.Snapshot, addr string) bool {
	for _, m := range s.Members() {
		if m.Peer.Addr() == addr {
			return true
		}
	}
	return false
}
