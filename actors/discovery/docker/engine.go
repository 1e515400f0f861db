package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrRunning is returned when an Engine is run a second time.
var ErrRunning = errors.New("the engine runs already")

// Engine is one Docker engine with its containers, as weir sees it. Make it
// with New and Run it; its other methods may be called at any time, by anybody.
type Engine struct {
	cfg  Config
	dial dialer
	look func() surroundings
	poke chan struct{}
	done chan struct{}

	mu      sync.Mutex
	running bool
	picture *picture
	subs    subscriptions
	labels  *labelled
	failed  map[string]string // why a container could not be inspected, by id
	state   Status
	// begun is the count of the last look that was taken into the picture.
	begun uint64
	// candidates are ids, or beginnings of ids, that weir's own container may have.
	candidates []string
}

// Status says how the connection to an engine is.
type Status struct {
	// Connected is set while the event stream is open and the last list succeeded.
	Connected bool
	// Failure says in words why it is not; empty while no try failed.
	Failure string
	// Success is when the containers were last listed; zero = never.
	Success time.Time
	// Containers counts those in the picture, selected or not.
	Containers int
	// Self is the id of the container that weir itself runs in; empty = none of these.
	Self string
	// Version is of the API, as agreed on at the last connect.
	Version string
}

// New returns an Engine that does nothing until it is run. The error is ErrConfig.
func New(cfg Config) (*Engine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return newEngine(cfg, dockerDialer(cfg), lookAround), nil
}

func newEngine(cfg Config, dial dialer, look func() surroundings) *Engine {
	e := &Engine{cfg: cfg, dial: dial, look: look, poke: make(chan struct{}, 1), done: make(chan struct{}),
		subs: newSubscriptions(), failed: map[string]string{}}
	e.picture = newPicture(func(labels map[string]string) {
		e.subs.touch(labels)
		if _, found := labels[labelEnable]; found {
			e.labels.dirty = true
		}
	})
	e.labels = newLabelled(cfg.Auto)
	return e
}

// Run watches the engine until ctx is done, and returns when all it started has
// ended. The engine need not be there: it is tried again and again. The error
// is ErrRunning, or nil.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	again := e.running
	e.running = true
	e.mu.Unlock()
	if again {
		return ErrRunning
	}
	defer close(e.done)
	(&supervisor{engine: e}).run(ctx)
	return nil
}

// Done is closed when Run has returned.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Look makes the engine look again at once: it lists, or ends the pause before
// the next try to connect. Looks that are asked for while one is due are one.
func (e *Engine) Look() {
	select {
	case e.poke <- struct{}{}:
	default:
	}
}

// Status returns how the connection is.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	s.Containers, s.Self = len(e.picture.containers), e.picture.at.self
	return s
}

// Subscribe asks for the peers that any of the selectors picks. A container
// that two of them pick is two peers, unless address and port are the same:
// then it is one, with both weights. The error is ErrSelector.
func (e *Engine) Subscribe(selectors []Selector) (*Subscription, error) {
	for _, s := range selectors {
		if _, err := ParseSelector(s.String()); err != nil {
			return nil, fmt.Errorf("subscribe: %w", err)
		}
	}
	sub := &Subscription{engine: e, selectors: slices.Clone(selectors), sets: make(chan Set, 1), since: time.Now()}
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.subs.watches(selectors)
	if !known {
		sub.from = e.picture.next()
	}
	e.subs.add(sub)
	switch {
	case e.covers(sub, time.Time{}):
		e.tell(sub, time.Now())
	case e.state.Failure != "":
		e.tellOld(sub, time.Now())
	default:
		e.subs.dirty[sub] = true
		e.Look()
	}
	return sub, nil
}

// Labelled delivers what labels ask for, with Config.Auto: first as soon as it
// is known, then whenever it differs; the latest wins. Without Auto it delivers
// nothing. It is never closed.
func (e *Engine) Labelled() <-chan Labelled { return e.labels.out }

// covers tells whether the picture holds all that sub selects: a look that
// began after it was made, and an inspection of each container, tried at least.
// After patience is over, a zero one never is, the look alone will do.
func (e *Engine) covers(sub *Subscription, patience time.Time) bool {
	if e.state.Success.IsZero() || e.begun <= sub.from {
		return false
	}
	if !patience.IsZero() && !time.Now().Before(patience) {
		return true
	}
	for _, s := range sub.selectors {
		for _, c := range e.picture.matching(s) {
			if c.details == nil && e.failed[c.id] == "" {
				return false
			}
		}
	}
	return true
}

// tell delivers the set of a subscription that is covered.
func (e *Engine) tell(sub *Subscription, now time.Time) {
	set := Set{Stale: e.state.Failure != "", Failure: e.state.Failure, Success: e.state.Success}
	set.Peers, set.Notes = e.picture.peersOf(sub.selectors, e.cfg.PeerAddr, e.failed, now)
	set.tidy()
	sub.deliver(set)
}

// tellOld delivers what earlier looks left of what a subscription selects that no
// look covers, while there cannot be one. It need not be all.
func (e *Engine) tellOld(sub *Subscription, now time.Time) {
	set := Set{Failure: e.state.Failure}
	set.Peers, _ = e.picture.peersOf(sub.selectors, e.cfg.PeerAddr, e.failed, now)
	set.Stale = len(set.Peers) > 0
	set.tidy()
	sub.deliver(set)
}
