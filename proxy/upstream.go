package proxy

import (
	"sync/atomic"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Upstream is an upstream as a table sees it. It does not change.
type Upstream struct {
	name      string
	algo      messages.Algo
	retry     messages.RetrySpec
	transport messages.Transport
	ref       *balance.Ref // nil: only routes speak of it, it is not defined
	codec     *codecUse    // nil when ref is
	discovery messages.Discovery
	finder    Finder // nil: the ref has peers
	state     *upstreamState
	// made and wanted are the numbers of the change that made this and of the one
	// that wanted it last. Only changes look at them, of which there is one at a time.
	made, wanted uint64
}

// Name returns the upstream's name.
func (u *Upstream) Name() string { return u.name }

// Transport returns how its peers are spoken to. A request keeps what it began
// with: this does not change while the request has the Upstream.
func (u *Upstream) Transport() messages.Transport { return u.transport }

// wants tells whether requests are treated the same under spec. What else is in
// a spec is no business of the data path's.
func (u *Upstream) wants(spec *messages.UpstreamSpec) bool {
	return u.algo == spec.Algo && u.retry == spec.Retry && u.transport == spec.Transport &&
		(u.finder == nil && spec.Discovery.Kind != messages.DiscoverTransparent || u.discovery.Equal(spec.Discovery))
}

// wireOf returns what of a transport a codec is made for. The rest are times,
// which a codec takes as they come (PeerCodec.SetLimits). What is added to
// Transport and not named here asks for another codec, which is never wrong.
func wireOf(t messages.Transport) messages.Transport {
	t.ConnectionTimeout, t.TotalConnectionTimeout, t.ResponseTimeout = 0, 0, 0
	t.ReadTimeout, t.WriteTimeout, t.IdleTimeout, t.TunnelTimeout = 0, 0, 0, 0
	return t
}

// upstreamState is what is kept of an upstream, by name, while tables change.
type upstreamState struct {
	budget    budget
	retries   [len(retryReasons)]atomic.Uint64
	suspicion suspicion
	complaint limiter
}

// retryReasons are the codes that an attempt may be repeated for.
//
//nolint:gochecknoglobals // a table that nobody writes; Go has no constant arrays
var retryReasons = [...]messages.Code{
	messages.CodeConnectRefused, messages.CodeConnectTimeout, messages.CodeConnectFailed, messages.CodeTLS,
	messages.CodeReset, messages.CodeHeadTimeout, messages.CodeWriteTimeout, messages.CodeStatus,
	messages.CodeBadResponse,
}

// countRetry counts a repeated attempt; a code that is no reason by itself (a
// codec may call anything Unsent) counts as connect_failed.
func (u *upstreamState) countRetry(code messages.Code) {
	for i, reason := range retryReasons {
		if reason == code {
			u.retries[i].Add(1)
			return
		}
	}
	u.countRetry(messages.CodeConnectFailed)
}

// exhausted tells whether an attempt at every available peer was made already.
func (u *Upstream) exhausted(x *Exchange) bool {
	s := &x.core
	if u.finder != nil {
		return s.trip.attempts >= len(s.trip.found)
	}
	snapshot := u.ref.Snapshot()
	// Each attempt takes a peer that was not tried while there is one.
	if snapshot == nil || s.trip.attempts < snapshot.Available() {
		return false
	}
	for _, m := range snapshot.Members() {
		if m.Available && !s.ask.HasTried(m.Peer) {
			return false
		}
	}
	return true
}

// release gives back the slot that x holds, if it does, with the outcome noted
// in x. When x has the next one already, it holds that then.
func (u *Upstream) release(x *Exchange) {
	t := &x.core.trip
	if t.held == nil {
		return
	}
	peer, outcome := t.held, balance.Outcome{Failed: t.peerFailed, Latency: t.latency}
	t.held, t.next, t.peerFailed, t.latency = t.next, nil, false, 0
	u.ref.Release(peer, outcome)
}
