package docker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second
	// steady is how long a session must last for the next pause to be the first again.
	steady = 10 * time.Second
	// shortStreams is how many streams in a row may end before they are steady.
	shortStreams = 2
	// openTimeout bounds a try to connect.
	openTimeout = 10 * time.Second
)

var errStreamEnded = errors.New("the engine ended the event stream")

// supervisor opens sessions, one after the other, until its context is done.
type supervisor struct {
	engine *Engine
	// since is the time of the last event seen, on the engine's clock.
	since    int64
	failures int
	// lost is set once the loss of the engine was logged.
	lost bool
}

func (s *supervisor) run(ctx context.Context) {
	for ctx.Err() == nil {
		begun := time.Now()
		worked, err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) >= steady {
			s.failures = 0
		}
		s.failures++
		// The end of a stream that worked is not yet an outage: it is opened again
		// soon. One that ends again and again may never have been allowed.
		outage := !worked || !errors.Is(err, errStreamEnded) || s.failures > shortStreams
		if outage {
			s.say(err)
		}
		s.engine.disconnected(err, outage)
		s.pause(ctx)
	}
}

// session runs one session to its end, and returns why it ended, and whether a
// list was read.
func (s *supervisor) session(ctx context.Context) (worked bool, err error) {
	since := s.since
	if since > 0 {
		since++
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	open, err := s.engine.dial(opening, since)
	cancel()
	if err != nil {
		return false, err
	}
	defer open.close()
	w := newWatch(s.engine, open)
	w.onList = func(n int) {
		s.engine.cfg.Logger.Info("docker: connected", "host", s.engine.cfg.Host, "api", open.version(), "containers", n)
		s.lost = false
	}
	w.onEvent = func(ev event) { s.since = max(s.since, ev.at) }
	err = w.run(ctx)
	return w.listed, err
}

// say logs the loss of the engine, once.
func (s *supervisor) say(err error) {
	if !s.lost {
		s.engine.cfg.Logger.Warn("docker: the engine cannot be asked; what is known stays, and it is tried again",
			"host", s.engine.cfg.Host, "error", err)
		s.lost = true
	}
}

// pause waits before the next try, or until somebody asks for a look.
func (s *supervisor) pause(ctx context.Context) {
	timer := time.NewTimer(pauseAfter(s.failures))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-s.engine.poke:
	}
}

// pauseAfter returns how long to wait after the n-th failure in a row, from 1:
// doubling from 250 ms to 10 s, jittered by +-20%.
func pauseAfter(n int) time.Duration {
	pause := firstPause
	for i := 1; i < n && pause < lastPause; i++ {
		pause *= 2
	}
	pause = min(pause, lastPause)
	return pause*4/5 + rand.N(pause*2/5)
}

// disconnected tells that a session ended. In an outage the picture is stale from now on.
func (e *Engine) disconnected(err error, outage bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.Connected = false
	if !outage {
		return
	}
	e.state.Failure = err.Error()
	now := time.Now()
	for sub := range e.subs.all {
		if sub.last.Success.IsZero() && !e.covers(sub, time.Time{}) {
			e.tellOld(sub, now)
			continue
		}
		e.tell(sub, now)
	}
}
