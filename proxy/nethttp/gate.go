package nethttp

import (
	"sync"
	"sync/atomic"
	"time"
)

// gate holds a request's body back until the peer sent 100, or did not for too
// long. When the final response comes instead, the body stays back: net/http
// would read it, which makes the client send what nobody wants.
type gate struct {
	once     sync.Once
	opened   chan struct{}
	answered atomic.Bool
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

// open lets the body through; when it was stopped, reading it fails at once.
func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// answer keeps a gate that is still shut so, until open.
func (g *gate) answer() { g.answered.Store(true) }

// wait waits for open, or for continueTime without an answer.
func (g *gate) wait() {
	late := time.NewTimer(continueTime)
	defer late.Stop()
	select {
	case <-g.opened:
		return
	case <-late.C:
	}
	if g.answered.Load() {
		<-g.opened
		return
	}
	g.open()
}
