package actors

import (
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/messages"
)

// Backoff says how a crashed actor is restarted.
type Backoff struct {
	// First is the pause before the first restart; it doubles with each crash
	// within Window, up to Max. A pause is lengthened by up to a half, by a hash
	// of the actor's name and the count, so that what crashed together does not restart together.
	First, Max time.Duration
	// Window is how long a crash counts.
	Window time.Duration
	// GiveUp is how many crashes within Window stop the actor for good, which its
	// parent learns by Terminated; 0 = never.
	GiveUp int
}

// Pause returns how long the restart after the n-th crash within the window
// (from 1) of the actor called id is held back.
func (b Backoff) Pause(id string, n int) time.Duration {
	pause := b.First
	for i := 1; i < n && pause < b.Max; i++ {
		pause *= 2
	}
	pause = min(pause, b.Max)
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never fails
	spread := (uint64(h.Sum32()) + uint64(n)*2654435761) % 1000
	return pause + pause/2*time.Duration(spread)/1000
}

// supervision restarts crashed actors with back-off, because protoactor has
// none. It owns the timers of pending restarts.
//
// A restart that reached an actor in the middle of its stop would bring it back
// to life. So who is to end is marked before it is told, under the lock under
// which restarts are sent: either the restart is in the actor's mailbox before
// the stop, or it never comes.
type supervision struct {
	notify func(messages.Event)
	mu     sync.Mutex
	// pending restarts, by the actor's id.
	pending map[string]*time.Timer
	// ending are actors that were told to stop, or that stop or restart now and
	// with them all their children.
	ending map[string]bool
	// restarts counts the restarts done, by kind of actor.
	restarts map[string]uint64
}

func newSupervision(notify func(messages.Event)) *supervision {
	return &supervision{notify: notify, pending: map[string]*time.Timer{}, ending: map[string]bool{}, restarts: map[string]uint64{}}
}

// strategy returns the strategy of a parent whose children are of one kind.
func (s *supervision) strategy(kind string, b Backoff) actor.SupervisorStrategy {
	return &strategy{supervision: s, kind: kind, backoff: b}
}

// stop stops a child of c, and forgets a pending restart of it.
func (s *supervision) stop(c actor.Context, child *actor.PID) {
	s.end(child.Id)
	c.Stop(child)
}

// end marks an actor that ends, and forgets the pending restarts of it and of
// everything beneath it.
func (s *supervision) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending[id] = true
	for other, timer := range s.pending {
		if other == id || strings.HasPrefix(other, id+"/") {
			timer.Stop()
			delete(s.pending, other)
		}
	}
}

// begin takes the mark away: an incarnation began, or the actor is gone.
func (s *supervision) begin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ending, id)
}

// ends tells whether an actor ends now.
func (s *supervision) ends(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending[id]
}

// endsLocked tells whether an actor, or its parent, ends now.
func (s *supervision) endsLocked(id string) bool {
	return s.ending[id] || s.ending[id[:max(strings.LastIndexByte(id, '/'), 0)]]
}

// strategy is the supervision of the children of one kind of parent.
type strategy struct {
	supervision *supervision
	kind        string
	backoff     Backoff
}

// HandleFailure runs on the parent. The child's mailbox is suspended until the
// restart; what it was sent meanwhile waits.
func (s *strategy) HandleFailure(_ *actor.ActorSystem, parent actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics, _ any, _ any) {
	if rs.NumberOfFailures(s.backoff.Window) == 0 {
		rs.Reset()
	}
	rs.Fail()
	failures := rs.NumberOfFailures(s.backoff.Window)
	if s.backoff.GiveUp > 0 && failures >= s.backoff.GiveUp {
		s.supervision.end(child.Id)
		parent.StopChildren(child)
		return
	}
	s.supervision.restartLater(s.kind, parent, child, failures, s.backoff.Pause(child.Id, failures))
}

func (s *supervision) restartLater(kind string, parent actor.Supervisor, child *actor.PID, failures int, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endsLocked(child.Id) {
		return // its stop is on its way
	}
	var timer *time.Timer
	timer = time.AfterFunc(pause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.pending[child.Id] != timer {
			return // forgotten: the actor ends
		}
		delete(s.pending, child.Id)
		s.restarts[kind]++
		// Under the lock: so a stop comes after it in the child's mailbox, or this never comes.
		parent.RestartChildren(child)
		s.notify(messages.ActorRestarted{Actor: child.Id, Failures: failures, Delay: pause, At: time.Now()})
	})
	s.pending[child.Id] = timer
}

// counts returns a copy of the restart counts by kind.
func (s *supervision) counts() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]uint64, len(s.restarts))
	for kind, n := range s.restarts {
		counts[kind] = n
	}
	return counts
}
