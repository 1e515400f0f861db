package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The pauses of the keeper.
const (
	firstPause = 250 * time.Millisecond // after the first failure; it doubles
	longPause  = 15 * time.Second       // up to this
	checkEvery = time.Second            // of what costs nothing: the time-outs, the health of the store
	lookEvery  = 30 * time.Second       // at the stream, while all is well
	askTimeout = 5 * time.Second        // of one question to JetStream
	grace      = time.Second            // for a question under way at the end
	settled    = time.Minute            // a time without failure after which the pauses begin at the first again
)

// keeper keeps the stream of events there: it makes it, makes it again, and
// knows whether events can be stored. One goroutine.
type keeper struct {
	link     *link
	storage  *storage // nil: external
	js       jetstream.JetStream
	want     jetstream.StreamConfig
	updates  int // how often the stream had other limits; only run looks at it
	problems *problems
	deposits *deposits

	ready   atomic.Bool
	changes chan struct{} // see Changes
	wake    chan struct{} // look now
	state   atomic.Pointer[jetstream.StreamState]

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newKeeper(cfg Config, l *link, storage *storage, d *deposits, p *problems) (*keeper, error) {
	js, err := jetstream.New(l.Conn)
	if err != nil {
		return nil, err
	}
	k := &keeper{link: l, storage: storage, js: js, want: streamConfig(cfg), problems: p, deposits: d,
		changes: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.done.Go(k.run)
	return k, nil
}

func (k *keeper) stop() {
	k.cancel()
	k.done.Wait()
	k.ready.Store(false)
}

// look makes the keeper look now.
func (k *keeper) look() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// suspect is called when a deposit found no stream, or the connection broke.
func (k *keeper) suspect() {
	k.setReady(false)
	k.look()
}

func (k *keeper) setReady(ready bool) {
	if k.ready.Swap(ready) != ready {
		select {
		case k.changes <- struct{}{}:
		default:
		}
	}
}

// run looks after the stream until it is stopped.
func (k *keeper) run() {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	var pause time.Duration
	var failed, looked time.Time
	for {
		again := k.link.again() // before the look: what comes meanwhile is not missed
		due := k.due(looked, failed.Add(pause))
		if time.Now().After(due) {
			looked = time.Now()
			switch ok := k.keep(); {
			case !ok:
				failed, pause = time.Now(), min(max(2*pause, firstPause), longPause)
			case time.Since(failed) > settled:
				pause = 0
			}
			due = k.due(looked, failed.Add(pause))
		}
		select {
		case <-k.ctx.Done():
			return
		case <-tick.C:
		case <-time.After(max(0, time.Until(due))):
		case <-k.wake:
		case <-again:
			pause = 0
		}
		k.link.explain()
		k.deposits.expire(depositTimeout, fmt.Sprintf("no answer within %v", depositTimeout))
	}
}

// due returns when to look next.
func (k *keeper) due(looked, pauseEnd time.Time) time.Time {
	switch {
	case k.ready.Load() && k.deposits.slow(checkEvery):
		return looked.Add(checkEvery) // is the stream still there?
	case k.ready.Load() && !k.storage.faulty():
		return looked.Add(lookEvery)
	}
	if soonest := looked.Add(firstPause); soonest.After(pauseEnd) {
		return soonest
	}
	return pauseEnd
}

// keep makes all as it should be, and tells whether it is.
func (k *keeper) keep() bool {
	if err := k.storage.keep(); err != nil {
		k.setReady(false)
		k.deposits.expire(0, "the store of the server failed")
		k.problems.report(topicStorage, "events are not stored: "+err.Error())
		k.problems.drop(topicStream) // it follows from that
		return false
	}
	k.problems.solved(topicStorage, "the store is in use")
	if !k.link.IsConnected() {
		k.setReady(false)
		k.problems.drop(topicStream)
		return false
	}
	ctx, cancel := k.asking()
	defer cancel()
	state, made, err := ensureStream(ctx, k.js, k.want)
	if k.ctx.Err() != nil || !k.link.IsConnected() {
		return false // it says nothing about the stream
	}
	if errors.Is(err, errUpdated) {
		k.updates++
	}
	if err != nil && !errors.Is(err, errLimits) && !errors.Is(err, errUpdated) {
		k.setReady(false)
		k.problems.report(topicStream, "events are not stored in "+k.want.Name+": "+plain(err))
		return false
	}
	if made {
		k.deposits.expire(0, "the stream was not there")
	}
	k.state.Store(&state)
	k.problems.solved(topicStream, "events are stored in "+k.want.Name)
	switch {
	case k.updates > 1 && errors.Is(err, errUpdated):
		k.problems.report(topicLimits, "somebody else gives stream "+k.want.Name+" other limits again and again: give all members of this prefix the same nats.events")
	case errors.Is(err, errUpdated):
	case err != nil:
		k.problems.report(topicLimits, "the limits of stream "+k.want.Name+" are not as configured: "+plain(err))
	default:
		k.problems.solved(topicLimits, "the limits of stream "+k.want.Name+" are as configured")
	}
	k.setReady(true)
	return true
}

// asking is the context of one question. It ends with the keeper, but with an
// embedded server not at once: one that is stopped while it makes a stream
// leaves goroutines behind.
func (k *keeper) asking() (context.Context, context.CancelFunc) {
	if k.storage == nil {
		return context.WithTimeout(k.ctx, askTimeout)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), askTimeout)
	forget := context.AfterFunc(k.ctx, func() { time.AfterFunc(grace, cancel) })
	return ctx, func() {
		forget()
		cancel()
	}
}

// Changes fires when StoreReady may have changed, once for several changes. It
// is for one listener.
func (b *Bus) Changes() <-chan struct{} { return b.keeper.changes }

// StoreReady tells whether Store has somewhere to send to: a connection, and
// the stream.
func (b *Bus) StoreReady() bool { return b.link.IsConnected() && b.keeper.ready.Load() }
