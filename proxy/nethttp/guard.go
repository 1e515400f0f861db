package nethttp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// guard cancels an attempt when it takes too long. It watches the deadline of
// the whole and the wait that is under way: for the head, or for a part of the
// body; over HTTP/2 also for the peer to take what it is sent. One timer serves all of them, and is moved only when it would fire too
// late: a body of a thousand reads costs no thousand timers.
type guard struct {
	mu       sync.Mutex
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	fires    time.Time // when timer fires; zero = it does not
	deadline time.Time // of the whole; zero = none
	due      time.Time // of the wait under way; zero = none is
	writeDue time.Time // of the wait for the peer to take a part of the request's body
	code     messages.Code
	head     bool // the head came
	over     bool
	fired    *proxy.Failure
}

// errTooSlow is the cause of failures that a guard made.
var errTooSlow = errors.New("took too long")

func (g *guard) start(cancel context.CancelCauseFunc, deadline time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel, g.deadline = cancel, deadline
	g.scheduleLocked()
}

// waitForHead begins the wait for the response head, unless it came already.
func (g *guard) waitForHead(limit time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.head && limit > 0 {
		g.due, g.code = time.Now().Add(limit), messages.CodeHeadTimeout
		g.scheduleLocked()
	}
}

// waitForWrite begins the wait for the peer to take a part of the request's body.
func (g *guard) waitForWrite(limit time.Duration) {
	if limit <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writeDue = time.Now().Add(limit)
	g.scheduleLocked()
}

// wrote ends the wait for the peer to take a part of the request's body.
func (g *guard) wrote() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writeDue = time.Time{}
}

// headCame ends the wait for the head.
func (g *guard) headCame() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.head, g.due = true, time.Time{}
}

// unbind takes the deadline of the whole off.
func (g *guard) unbind() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deadline = time.Time{}
}

// waitForBody begins the wait for a part of the body.
func (g *guard) waitForBody(limit time.Duration) {
	if limit <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due, g.code = time.Now().Add(limit), messages.CodeReadTimeout
	g.scheduleLocked()
}

// bodyCame ends the wait for a part of the body.
func (g *guard) bodyCame() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = time.Time{}
}

// stop ends the watch and the attempt's context.
func (g *guard) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	if g.timer != nil {
		g.timer.Stop()
	}
	g.cancel(errEnded)
}

// why returns what the guard canceled the attempt for, or nil.
func (g *guard) why() *proxy.Failure {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fired
}

// nextLocked returns when the guard must act, and with which code.
func (g *guard) nextLocked() (at time.Time, code messages.Code) {
	at, code = g.deadline, messages.CodeTimeout
	if !g.due.IsZero() && (at.IsZero() || !at.Before(g.due)) {
		at, code = g.due, g.code
	}
	if !g.writeDue.IsZero() && (at.IsZero() || !at.Before(g.writeDue)) {
		at, code = g.writeDue, messages.CodeWriteTimeout
	}
	return at, code
}

// scheduleLocked sees to it that the timer fires in time.
func (g *guard) scheduleLocked() {
	at, _ := g.nextLocked()
	if g.over || at.IsZero() || !g.fires.IsZero() && !at.Before(g.fires) {
		return
	}
	g.fires = at
	if g.timer == nil {
		g.timer = time.AfterFunc(time.Until(at), g.tick)
		return
	}
	g.timer.Reset(time.Until(at))
}

// tick runs when the timer fires, which may be too early.
func (g *guard) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over || g.fired != nil {
		return
	}
	at, code := g.nextLocked()
	if at.IsZero() || time.Now().Before(at) {
		g.fires = time.Time{}
		g.scheduleLocked()
		return
	}
	g.fired = &proxy.Failure{Code: code, Err: errTooSlow}
	g.cancel(g.fired)
}
