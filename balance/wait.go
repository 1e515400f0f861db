package balance

import (
	"errors"
	"time"
)

// wait queues the ask until it gets a peer or an error. s is the snapshot that
// had no peer to give, or that was not looked at because others wait.
func (r *Ref) wait(a *Ask, s *Snapshot) (*Peer, error) {
	limits := s.config.Policy.Limits
	entered := time.Now()
	if _, ok := s.hope(entered); !ok || limits.Queue <= 0 && s.available == 0 {
		r.hungry()
		return nil, ErrNoPeer
	}
	if r.room.waiting.Load() >= int64(limits.Queue) {
		return r.turnAway(a, s)
	}
	w := &a.waiter
	w.prepare()
	if err := r.enter(w, entered); err != nil {
		if errors.Is(err, ErrQueueFull) {
			return r.turnAway(a, s)
		}
		return nil, err
	}
	deadline := entered.Add(s.queueTimeout())
	for {
		turn, err := r.room.look(w)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		s = r.snapshot.Load()
		if s == nil {
			r.room.leave(w)
			return nil, ErrNoUpstream
		}
		if turn.freed != nil || turn.all {
			if p := r.takeTurn(a, s, turn); p != nil {
				r.room.leave(w)
				return p, nil
			}
			continue // more may have come free
		}
		if turn.head && !r.room.pacing.Load() {
			r.hungry()
		}
		until, ok := s.hope(now)
		if !ok || !now.Before(deadline) {
			return r.giveUp(a, s, ok)
		}
		w.timer.Reset(wakeTime(turn, deadline, until, now).Sub(now))
		select {
		case <-w.wake:
		case <-w.timer.C:
			r.room.tick(w)
		case <-a.Done:
			r.room.leave(w)
			return nil, ErrGone
		}
	}
}

// wakeTime returns when a waiter has to look again by itself: at its deadline,
// when hope ends, and as head when the windows open and when it may call
// OnStarving again.
func wakeTime(turn turn, deadline, until, now time.Time) time.Time {
	at := deadline
	if !until.IsZero() && until.Before(at) {
		at = until
	}
	if !turn.head {
		return at
	}
	if again := now.Add(StarvingAgain); again.Before(at) {
		at = again
	}
	if !turn.refill.IsZero() && turn.refill.Before(at) {
		at = turn.refill
	}
	return at
}

// takeTurn takes the peer that came free, or sweeps.
func (r *Ref) takeTurn(a *Ask, s *Snapshot, turn turn) *Peer {
	c := choice{ask: a, ref: r, paced: true}
	if turn.freed != nil && s.prefers(turn.freed, a) {
		c.limit, c.again = int64(s.config.Policy.Limits.MaxRequests), true
		if !c.take(turn.freed) {
			return nil // whoever took it will name it again
		}
		r.room.wakeHead(turn.freed) // it may have more
		return turn.freed
	}
	if turn.all && s.sweeps(a) {
		c.swept = &turn.swept
	}
	p := s.pick(c)
	if turn.all {
		r.room.report(turn, p != nil)
	} else if p != nil {
		r.room.wakeHead(turn.freed) // it may not have been the one
	}
	return p
}

// enter queues w, unless the snapshot of this moment says that it is no use.
func (r *Ref) enter(w *waiter, now time.Time) error {
	r.room.mu.Lock()
	defer r.room.mu.Unlock()
	s := r.snapshot.Load()
	if s == nil {
		return ErrNoUpstream
	}
	if _, ok := s.hope(now); !ok {
		return ErrNoPeer
	}
	if r.room.waiting.Load() >= int64(s.config.Policy.Limits.Queue) {
		return ErrQueueFull
	}
	if r.room.queue.head == nil {
		r.room.stir()
	}
	r.room.queue.push(w)
	r.room.waiting.Add(1)
	return nil
}

// turnAway ends an ask for which the queue has no place.
func (r *Ref) turnAway(a *Ask, s *Snapshot) (*Peer, error) {
	if r.room.pacing.Load() {
		if p := s.pick(choice{ask: a, ref: r}); p != nil {
			return p, nil
		}
	}
	r.hungry()
	return nil, ErrQueueFull
}

// giveUp ends a wait whose time is up, or that has no hope any more.
func (r *Ref) giveUp(a *Ask, s *Snapshot, hope bool) (*Peer, error) {
	var p *Peer
	if r.room.pacing.Load() {
		p = s.pick(choice{ask: a, ref: r})
	}
	r.room.leave(&a.waiter)
	switch {
	case p != nil:
		return p, nil
	case hope:
		return nil, ErrQueueTimeout
	}
	return nil, ErrNoPeer
}
