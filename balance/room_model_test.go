package balance

import (
	"fmt"
	"testing"
)

// The waiting room's protocol as an abstract machine, of which every
// interleaving is visited: askers that take a slot, hold it and give it back,
// and a publisher that adds a slot by a new snapshot. It is stuck when a slot is
// free, somebody is queued, and nothing more happens by itself: all sleep
// without a call, hold a slot (for as long as they like), or are through. The faults leave out one thing each that room
// promises; that each of them gets stuck shows that the search finds such things.

// fault is what a variant of the protocol does wrong.
type fault int

const (
	noFault       fault = iota
	sleepAtOnce         // sleeps after it queued without looking again
	countLate           // looks first, is counted afterwards
	tellEarly           // looks for waiters before the slot is free
	keepTheBaton        // a head that was served does not call the next
	goneKeepsCall       // a head that is gone does not call the next
	callEarly           // the publisher calls the head before the snapshot is in force
	blindFirst          // the first in the queue does not look at all peers
	blindAfter          // the head after one that found a slot does not
	blindPublish        // the head does not after a snapshot
	lastFault     = blindPublish
)

// pc is where an asker is.
type pc uint8

const (
	readCount pc = iota
	firstPick
	queueUp
	looking
	tryNamed
	tryAll
	countNow // countLate alone
	asleep
	leaveServed
	leaveGone
	giveBack
	giveLate // tellEarly alone
	readWaiters
	callHead
	over
)

const askers = 3

// state is the whole machine; it is comparable, so visited states are found.
type state struct {
	at     [askers]pc
	token  [askers]bool
	queue  [askers]int8 // the first length entries
	length int8
	count  int8 // the atomic that requests read
	free   int8
	// named counts the free slots that were named, stirred tells that all are to be looked at.
	named   int8
	stirred bool
	// published counts the publisher's steps.
	published int8
}

// model is a variant to explore.
type model struct {
	fault     fault
	canceller int // the asker whose client may go away while it sleeps; -1 = none
	publisher bool
}

func (m model) steps(s state) []state {
	var next []state
	for i := range askers {
		if n, ok := m.step(s, i); ok {
			next = append(next, n)
		}
		if i == m.canceller && s.at[i] == asleep {
			n := s
			n.at[i] = leaveGone
			next = append(next, n)
		}
	}
	if m.publisher && s.published < 2 {
		// The two steps happen under the lock, but lock-free picks see the first alone.
		n := s
		if (s.published == 0) != (m.fault == callEarly) {
			n.free++
		} else {
			n.stirred = n.stirred || m.fault != blindPublish
			n.callFirst()
		}
		n.published++
		next = append(next, n)
	}
	return next
}

// locked tells whether the publisher holds the lock.
func (m model) locked(s state) bool { return s.published == 1 && m.fault != callEarly }

// step makes asker i's next step; false when it has none now.
func (m model) step(s state, i int) (state, bool) {
	switch s.at[i] {
	case queueUp, looking, leaveServed, leaveGone, callHead:
		if m.locked(s) {
			return s, false
		}
	}
	switch s.at[i] {
	case readCount:
		s.at[i] = firstPick
		if s.count > 0 {
			s.at[i] = queueUp
		}
	case firstPick:
		s.at[i] = queueUp
		if s.free > 0 {
			s.free--
			s.at[i] = giveBack
		}
	case queueUp:
		s.stirred = s.stirred || s.length == 0 && m.fault != blindFirst
		s.queue[s.length] = int8(i)
		s.length++
		s.at[i] = looking
		if m.fault != countLate {
			s.count++
		}
		if m.fault == sleepAtOnce {
			s.at[i] = asleep
		}
	case looking:
		s.at[i] = asleep
		switch {
		case s.queue[0] != int8(i):
		case s.named > 0:
			s.named--
			s.at[i] = tryNamed
		case s.stirred:
			s.stirred = false // a success, or somebody who stirs meanwhile, sets it again
			s.at[i] = tryAll
		}
		if m.fault == countLate && s.at[i] == asleep {
			s.at[i] = countNow
		}
	case tryNamed, tryAll:
		all := s.at[i] == tryAll
		s.at[i] = looking
		if s.free > 0 {
			s.free--
			s.at[i] = leaveServed
			s.stirred = s.stirred || all && m.fault != blindAfter
			if !all {
				s.named++
			}
		}
	case countNow:
		s.count = s.length
		s.at[i] = asleep
	case asleep:
		if !s.token[i] {
			return s, false
		}
		s.token[i] = false
		s.at[i] = looking
	case leaveServed:
		s.leave(i, m.fault != keepTheBaton)
		s.at[i] = giveBack
	case leaveGone:
		s.leave(i, m.fault != goneKeepsCall)
		s.at[i] = over
	case giveBack:
		s.at[i] = readWaiters
		if m.fault == tellEarly {
			s.at[i] = giveLate
			if s.count > 0 {
				s.name()
			}
		} else {
			s.free++
		}
	case giveLate:
		s.free++
		s.at[i] = over
	case readWaiters:
		s.at[i] = over
		if s.count > 0 {
			s.at[i] = callHead
		}
	case callHead:
		s.name()
		s.at[i] = over
	case over:
		return s, false
	}
	return s, true
}

// atRest tells whether nothing happens until somebody gives a slot back, goes
// away or publishes.
func (m model) atRest(s state) bool {
	if s.published == 1 {
		return false
	}
	for i, at := range s.at {
		if at != giveBack && at != over && (at != asleep || s.token[i]) {
			return false
		}
	}
	return true
}

func (s *state) callFirst() {
	if s.length > 0 {
		s.token[s.queue[0]] = true
	}
}

func (s *state) name() {
	if s.length > 0 {
		s.named++
		s.callFirst()
	}
}

func (s *state) leave(i int, call bool) {
	wasHead := s.queue[0] == int8(i)
	kept := int8(0)
	for _, id := range s.queue[:s.length] {
		if id != int8(i) {
			s.queue[kept] = id
			kept++
		}
	}
	s.queue[kept] = 0
	s.length--
	s.count--
	s.token[i] = false
	if s.length == 0 {
		s.named = 0
	}
	if wasHead && call {
		s.callFirst()
	}
}

// explore visits every state and returns how many there are, and one that is stuck.
func (m model) explore(start state) (visited int, stuck *state) {
	seen := map[state]bool{start: true}
	todo := []state{start}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if m.atRest(s) && s.free > 0 && s.length > 0 {
			return len(seen), &s
		}
		for _, n := range m.steps(s) {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	return len(seen), nil
}

func TestTheProtocolLosesNoWakeUp(t *testing.T) {
	for _, slots := range []int8{0, 1, 2} {
		for _, publisher := range []bool{false, true} {
			for canceller := -1; canceller < askers; canceller++ {
				if slots == 0 && !publisher {
					continue // nothing to get
				}
				m := model{canceller: canceller, publisher: publisher}
				visited, stuck := m.explore(state{free: slots})
				if stuck != nil {
					t.Errorf("slots %d, %+v: stuck in %+v", slots, m, *stuck)
				}
				if visited < 100 {
					t.Errorf("only %d states were visited", visited)
				}
			}
		}
	}
}

func TestEveryFaultOfTheProtocolIsFound(t *testing.T) {
	for f := sleepAtOnce; f <= lastFault; f++ {
		t.Run(fmt.Sprint("fault ", int(f)), func(t *testing.T) {
			for _, slots := range []int8{0, 1, 2} {
				for canceller := -1; canceller < askers; canceller++ {
					m := model{fault: f, canceller: canceller, publisher: true}
					if _, stuck := m.explore(state{free: slots}); stuck != nil {
						return
					}
				}
			}
			t.Error("no interleaving gets stuck")
		})
	}
}
