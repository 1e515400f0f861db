package notifier

import (
	"log/slog"
	"sync"
	"time"

	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// OutboxDeps are the collaborators of an outbox. All are required but where it
// says otherwise.
type OutboxDeps struct {
	// Publish sends one message to whoever is subscribed now, and to nobody else:
	// the stream must not take it, though it lies on a subject of the stream, or it
	// would overtake an older one that waits, or be stored twice when its id is
	// forgotten. An error means that it was not sent.
	Publish func(subject string, header map[string]string, body []byte) error
	// Store sends one message live, and to be stored in the stream. An error means
	// that it was not sent, and done is not called. Else done is called exactly
	// once, from another goroutine: with nil when it is stored, duplicate when its
	// id was stored before; with an error of which Uncertain tells whether it may
	// be stored nonetheless.
	Store func(subject string, header map[string]string, body []byte, done func(duplicate bool, err error)) error
	// Uncertain tells whether an error that done got leaves open if the message is
	// stored; nil = every error does.
	Uncertain func(error) bool
	// StoreReady tells whether Store has a chance: connected, and the stream is
	// there; nil = always.
	StoreReady func() bool
	// StoreChanged wakes the outbox when StoreReady may have changed; coalesced.
	// It is a hint: without it the outbox looks by itself after RetryMax.
	StoreChanged <-chan struct{}
	// Feed is told of what the outbox itself has to say, and counts.
	Feed   *Feed
	Logger *slog.Logger
}

// Outbox takes events into the stream, in order and each once, and holds those
// that are not acknowledged yet, in bounds. It outlives the notifier's
// incarnations. Make it with NewOutbox; one goroutine has to Run it, and Flush
// ends it. All methods are safe from any goroutine.
//
// While storing works, an event leaves by Store alone, which is live too. Several
// are in flight, never two of one subject. When it does not work, or is slower
// than Patience, the outbox is degraded: each event is sent live at once by
// Publish, and stored when that works again, oldest first, marked as late. One
// at a time is tried then, after a pause that doubles; the first success opens
// the window again.
type Outbox struct {
	cfg  Config
	deps OutboxDeps
	// wake has a token when there is something to do for Run.
	wake chan struct{}
	// ended is closed when Flush has ended it.
	ended chan struct{}

	mu       sync.Mutex
	backlog  *backlog
	link     link
	outage   outage
	lines    []line // for the log, which is written without the lock
	flushing bool
	over     bool // ended is closed

	accepted, stored, dropped uint64
}

// NewOutbox returns an outbox that does nothing until it is Run.
func NewOutbox(cfg Config, deps OutboxDeps) *Outbox {
	cfg.Outbox = cfg.Outbox.withDefaults()
	if deps.Uncertain == nil {
		deps.Uncertain = func(error) bool { return true }
	}
	if deps.StoreReady == nil {
		deps.StoreReady = func() bool { return true }
	}
	return &Outbox{cfg: cfg, deps: deps, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		backlog: newBacklog(cfg.Outbox.Entries, cfg.Outbox.Latest), link: link{cfg: cfg.Outbox}}
}

// put takes an event in. It never waits. After the end it is counted as dropped.
func (o *Outbox) put(event messages.Event, r Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	switch m := event.(type) {
	case messages.Flipped:
		o.add(r, m.Upstream, m.Peer, now)
	case messages.UpstreamChanged:
		if m.Change == messages.UpstreamRemoved {
			o.backlog.release(m.Upstream)
		}
		o.add(r, "", "", now)
	default:
		o.add(r, "", "", now)
	}
	o.signal()
}

// add takes a record in and drops what is too much then.
func (o *Outbox) add(r Record, upstream, peer string, now time.Time) {
	o.accepted++
	if o.over {
		o.dropped++
		return
	}
	o.backlog.add(r, upstream, peer, now)
	o.shed(now)
}

// shed drops what is too much, the oldest first.
func (o *Outbox) shed(now time.Time) {
	for e := o.backlog.overflow(); e != nil; e = o.backlog.overflow() {
		o.degrade(errFull, e, now)
		o.backlog.expel(e)
		o.countDrop()
	}
}

// drop gives an entry up.
func (o *Outbox) drop(e *entry) {
	o.backlog.remove(e)
	o.countDrop()
}

func (o *Outbox) countDrop() {
	o.dropped++
	o.outage.dropped++
}

// signal wakes Run.
func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

// Collect emits the metrics of the outbox. It implements meter.Source.
func (o *Outbox) Collect(emit func(meter.Sample)) {
	o.mu.Lock()
	accepted, stored, dropped, entries := o.accepted, o.stored, o.dropped, o.backlog.len()
	oldest := 0.0
	if at := o.backlog.oldest(); !at.IsZero() {
		oldest = time.Since(at).Seconds()
	}
	o.mu.Unlock()
	counter := func(name, help string, value uint64) {
		emit(meter.Sample{Name: name, Help: help, Kind: meter.Counter, Value: float64(value)})
	}
	gauge := func(name, help string, value float64) {
		emit(meter.Sample{Name: name, Help: help, Kind: meter.Gauge, Value: value})
	}
	counter("weir_outbox_accepted_total", "Events that are to be stored.", accepted)
	counter("weir_outbox_stored_total", "Events of which the stream acknowledged that it stored them.", stored)
	counter("weir_outbox_dropped_total", "Events that were given up before the stream acknowledged them.", dropped)
	gauge("weir_outbox_entries", "Events that wait for the stream or for its acknowledgement.", float64(entries))
	gauge("weir_outbox_oldest_seconds", "Age of the oldest of these; 0 when there is none.", oldest)
}
