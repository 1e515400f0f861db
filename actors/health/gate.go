package health

import (
	"container/list"
	"context"
	"sync"

	"github.com/weirproxy/weir/internal/meter"
)

// DefaultCap is how many probes may be in flight in the process unless set.
const DefaultCap = 512

// shareOf is the part of the cap that one upstream may take: a quarter.
const shareOf = 4

// Gate bounds the probes in flight in the process. Make it with NewGate.
type Gate struct{ slots *slots }

// NewGate returns a gate for limit probes at once; 0 or less = DefaultCap.
func NewGate(limit int) *Gate {
	if limit <= 0 {
		limit = DefaultCap
	}
	return &Gate{slots: newSlots(limit)}
}

// Share returns a new share of the gate, for one upstream: a quarter of the
// gate's limit, at least 1. So an upstream whose probes all hang leaves the
// others three quarters.
func (g *Gate) Share() *Share {
	return &Share{own: newSlots(max(1, g.slots.limit/shareOf)), gate: g.slots}
}

// Collect emits how many probes are in flight, and how many wait for the gate.
// Those that wait for the share of their upstream are not counted.
func (g *Gate) Collect(emit func(meter.Sample)) {
	taken, waiting := g.slots.counts()
	emit(meter.Sample{Name: "weir_probes_in_flight", Help: "Probes in flight.", Kind: meter.Gauge, Value: float64(taken)})
	emit(meter.Sample{Name: "weir_probes_waiting", Help: "Probes that wait because too many are in flight.", Kind: meter.Gauge, Value: float64(waiting)})
}

// Share is the part of a Gate that one upstream may take.
type Share struct{ own, gate *slots }

// Enter waits for a slot of the share, then for one of the gate, each first
// come, first served. It returns ctx's error when ctx was done before; then
// nothing is held. After nil, call Leave once.
func (s *Share) Enter(ctx context.Context) error {
	if err := s.own.take(ctx); err != nil {
		return err
	}
	if err := s.gate.take(ctx); err != nil {
		s.own.release()
		return err
	}
	return nil
}

// Leave gives back what Enter took.
func (s *Share) Leave() {
	s.gate.release()
	s.own.release()
}

// slots is a semaphore whose waiters are served in the order they came.
type slots struct {
	limit   int
	mu      sync.Mutex
	taken   int
	waiting list.List // of chan struct{}, closed when its owner has got a slot
}

func newSlots(limit int) *slots { return &slots{limit: limit} }

func (s *slots) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.taken < s.limit { // then nobody waits: release hands slots on
		s.taken++
		s.mu.Unlock()
		return nil
	}
	granted := make(chan struct{})
	place := s.waiting.PushBack(granted)
	s.mu.Unlock()
	select {
	case <-granted:
		return nil
	case <-ctx.Done():
		s.giveUp(place, granted)
		return ctx.Err()
	}
}

// giveUp leaves the queue, or hands on the slot that was granted meanwhile.
func (s *slots) giveUp(place *list.Element, granted <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-granted:
		s.handOn()
	default:
		s.waiting.Remove(place)
	}
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handOn()
}

// handOn gives one taken slot to the first who waits, or frees it.
func (s *slots) handOn() {
	if first := s.waiting.Front(); first != nil {
		close(s.waiting.Remove(first).(chan struct{}))
		return
	}
	s.taken--
}

func (s *slots) counts() (taken, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, s.waiting.Len()
}
