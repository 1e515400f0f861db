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
	upstream, addr string

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

	verdict atomic.Int32 // written under mu
	mu      sync.Mutex
	since   time.Time
	flips   uint64
	code    messages.Code
	detail  string
	probe   ProbeRecord
	probed  bool
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
func (p *Peer) Upstream() string { return p.upstream }

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

// SetVerdict puts v into force at the given time and returns the verdict
// before, how long that was in force (0 for the first), and how many changes
// there were with this one. The same verdict again changes nothing, not even the reason.
func (p *Peer) SetVerdict(v messages.Verdict, code messages.Code, detail string, at time.Time) (from messages.Verdict, held time.Duration, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from = p.Verdict()
	if !p.since.IsZero() {
		held = max(at.Sub(p.since), 0)
	}
	if from == v {
		return from, held, p.flips
	}
	p.verdict.Store(int32(v))
	p.since, p.code, p.detail = at, code, detail
	p.flips++
	return from, held, p.flips
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

// forget drops what probing and requests found out. The counters stay: a limit
// must go on counting the requests in flight.
func (p *Peer) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verdict.Store(int32(messages.Unknown))
	p.since, p.flips, p.code, p.detail = time.Time{}, 0, "", ""
	p.probe, p.probed = ProbeRecord{}, false
	p.latency.word.Store(0)
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
