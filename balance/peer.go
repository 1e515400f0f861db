package balance

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// cacheLine keeps what one core writes off the line that others read.
const cacheLine = 64

// Peer is one server of an upstream: its address, its counters, and what is
// known of its health. It is made by Ref.Peer and outlives actors and
// snapshots. All methods are safe from many goroutines.
type Peer struct {
	home *peerSet
	addr string

	_ [cacheLine]byte
	// What every request writes, on one line: who writes one of them writes the others too.
	inFlight atomic.Int64
	requests atomic.Uint64
	failures atomic.Uint64
	latency  latency
	// window bounds what waiters may take while the peer is paced, as a value
	// of inFlight; 0 = not paced. See pace.
	window atomic.Int64
	_      [cacheLine]byte

	// place is the peer's index in its tier of the snapshot that was made last: a
	// hint, to be checked.
	place atomic.Int32

	verdict    atomic.Int32 // written under mu
	remembered atomic.Bool  // written under mu
	mu         sync.Mutex
	since      time.Time
	// flips counts the changes of the verdict since the peer is known; with base
	// added it never repeats in the life of the Ref, see peerSet.floor.
	flips, base uint64
	code        messages.Code
	detail      string
	probe       ProbeRecord
	probed      bool
}

// ProbeRecord is what came of one probe.
type ProbeRecord struct {
	// At is when the probe began.
	At time.Time
	// Took is how long it took; Late is how long after its due time it began.
	Took, Late time.Duration
	// Code is messages.CodeOK when it passed.
	Code messages.Code
	// Detail is text for people; may be empty.
	Detail string
}

// Addr returns the peer's address, host:port, as discovery gave it.
func (p *Peer) Addr() string { return p.addr }

// Upstream returns the name of the upstream the peer belongs to.
func (p *Peer) Upstream() string { return p.home.upstream }

// InFlight returns how many requests the peer has now.
func (p *Peer) InFlight() int64 { return p.inFlight.Load() }

// Requests returns how many requests the peer was picked for since the process knows it.
func (p *Peer) Requests() uint64 { return p.requests.Load() }

// Failures returns how many of them were released as failed.
func (p *Peer) Failures() uint64 { return p.failures.Load() }

// Verdict returns what is decided of the peer.
func (p *Peer) Verdict() messages.Verdict { return messages.Verdict(p.verdict.Load()) }

// Since returns when the verdict came into force; the zero time while there was none.
func (p *Peer) Since() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since
}

// Remembered tells whether the verdict is one that an earlier process left
// behind, or that was doubted, and no result has confirmed it since.
func (p *Peer) Remembered() bool { return p.remembered.Load() }

// SetVerdict puts v into force at the given time and returns the verdict
// before, how long that was in force (0 for the first), and a number that grows
// with each change and is never used twice for the address in the life of the
// Ref. The same verdict again changes nothing, not even the reason, but for
// this: a remembered verdict is one of this process from now on.
func (p *Peer) SetVerdict(v messages.Verdict, code messages.Code, detail string, at time.Time) (from messages.Verdict, held time.Duration, seq uint64) {
	from, held, seq = p.setVerdict(v, code, detail, at)
	if from != v {
		p.home.tell()
	}
	return from, held, seq
}

func (p *Peer) setVerdict(v messages.Verdict, code messages.Code, detail string, at time.Time) (from messages.Verdict, held time.Duration, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from = p.Verdict()
	if !p.since.IsZero() {
		held = max(at.Sub(p.since), 0)
	}
	p.remembered.Store(false)
	if from == v {
		return from, held, p.base + p.flips
	}
	p.verdict.Store(int32(v))
	p.since, p.code, p.detail = at, code, detail
	p.flips++
	return from, held, p.base + p.flips
}

// Remember puts a verdict into force that an earlier process left behind, on a
// peer that has none of its own: otherwise, and with v Unknown, it does
// nothing. flips is how often the verdict had changed by then.
func (p *Peer) Remember(v messages.Verdict, code messages.Code, detail string, since time.Time, flips uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v == messages.Unknown || p.Verdict() != messages.Unknown {
		return
	}
	p.verdict.Store(int32(v))
	p.remembered.Store(true)
	p.since, p.code, p.detail, p.flips = since, code, detail, max(p.flips, flips)
}

// Doubt makes the verdict, if there is one, a remembered one: the peer was not
// probed for a while, and the next result decides.
func (p *Peer) Doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remembered.Store(p.Verdict() != messages.Unknown)
}

// Reason returns code and detail of the verdict in force; empty while there was none.
func (p *Peer) Reason() (messages.Code, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code, p.detail
}

// RecordProbe keeps the result of the latest probe.
func (p *Peer) RecordProbe(r ProbeRecord) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.probe, p.probed = r, true
}

// LastProbe returns the result of the latest probe; false when there was none.
func (p *Peer) LastProbe() (ProbeRecord, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.probe, p.probed
}

// forget drops what probing and requests found out, and returns the number of
// the last flip, and whether there was a verdict. The counters stay: a limit
// must go on counting the requests in flight.
func (p *Peer) forget() (seq uint64, decided bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	decided = p.Verdict() != messages.Unknown
	p.verdict.Store(int32(messages.Unknown))
	p.remembered.Store(false)
	p.base, p.flips = p.base+p.flips, 0
	p.since, p.code, p.detail = time.Time{}, "", ""
	p.probe, p.probed = ProbeRecord{}, false
	p.latency.word.Store(0)
	return p.base, decided
}

// take takes a slot. limit is max_requests, 0 = none. With paced the peer's
// window counts as well.
func (p *Peer) take(limit int64, paced bool) bool {
	if paced {
		if w := p.window.Load(); w != 0 && (limit == 0 || w < limit) {
			limit = w
		}
	}
	if limit == 0 {
		p.inFlight.Add(1)
		p.requests.Add(1)
		return true
	}
	for {
		n := p.inFlight.Load()
		if n >= limit {
			return false
		}
		if p.inFlight.CompareAndSwap(n, n+1) {
			p.requests.Add(1)
			return true
		}
	}
}

// give returns a slot.
func (p *Peer) give(failed bool) {
	if failed {
		p.failures.Add(1)
	} else {
		p.widen(1)
	}
	p.inFlight.Add(-1)
}

// widen opens the window by n, if there is one.
func (p *Peer) widen(n int64) {
	for {
		w := p.window.Load()
		if w == 0 || p.window.CompareAndSwap(w, w+n) {
			return
		}
	}
}
