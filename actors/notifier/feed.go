package notifier

import (
	"sync"
	"sync/atomic"
	"time"
)

// subscriptionRoom is how many records wait for a slow subscriber, beside the
// earlier ones that it asked for.
const subscriptionRoom = 256

// Record is one event as it left. Body is shared by all who get it and is not
// to be changed.
type Record struct {
	// ID is unique; the same event has the same ID wherever it is seen.
	ID string
	// Type is the type of the event: "weir.health.v1.flip".
	Type string
	// Subject is where it was published.
	Subject string
	// Time is when it happened, UTC.
	Time time.Time
	// Body is the JSON of the event.
	Body []byte
}

// Feed keeps the latest records and hands new ones to subscribers inside the
// process. It outlives the notifier's incarnations, and so do its counters.
// Make it with NewFeed; all methods are safe from any goroutine.
type Feed struct {
	stats stats

	mu   sync.Mutex
	ring []Record // oldest at head once it is full
	head int
	size int
	subs map[*Subscription]struct{}
}

// NewFeed returns a Feed that keeps the last size records; less than 1 means 1.
func NewFeed(size int) *Feed {
	return &Feed{size: max(size, 1), subs: map[*Subscription]struct{}{}, stats: stats{flips: map[flipKey]uint64{}}}
}

// Subscription receives the records of a Feed. Make it with Feed.Subscribe.
type Subscription struct {
	// C delivers records in order. It is closed by Close.
	C <-chan Record

	feed *Feed
	c    chan Record
	lost atomic.Uint64
}

// Subscribe returns a Subscription that begins with the last records that the
// Feed keeps, at most last of them, and goes on with each new one. Nobody waits
// for a subscriber: when more than 256 records wait for it, beside those it
// began with, it loses the oldest that wait. Close it when it is not read any
// more.
func (f *Feed) Subscribe(last int) *Subscription {
	f.mu.Lock()
	defer f.mu.Unlock()
	records := f.last(last)
	c := make(chan Record, len(records)+subscriptionRoom)
	for _, r := range records {
		c <- r
	}
	s := &Subscription{C: c, c: c, feed: f}
	f.subs[s] = struct{}{}
	return s
}

// Lost returns how many records the subscriber lost because it was too slow.
func (s *Subscription) Lost() uint64 { return s.lost.Load() }

// Close ends the subscription and closes C, in which records may still wait.
// Closing again does nothing.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if _, open := s.feed.subs[s]; open {
		delete(s.feed.subs, s)
		close(s.c)
	}
}

// Last returns the last records that the Feed keeps, at most n, oldest first.
func (f *Feed) Last(n int) []Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last(n)
}

func (f *Feed) last(n int) []Record {
	n = max(0, min(n, len(f.ring)))
	out := make([]Record, 0, n)
	for i := len(f.ring) - n; i < len(f.ring); i++ {
		out = append(out, f.ring[(f.head+i)%len(f.ring)])
	}
	return out
}

// append adds a record and hands it to every subscriber. It never waits.
func (f *Feed) append(r Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ring) < f.size {
		f.ring = append(f.ring, r)
	} else {
		f.ring[f.head] = r
		f.head = (f.head + 1) % f.size
	}
	for s := range f.subs {
		s.offer(r)
	}
}

// offer puts r into the channel, for which it drops the oldest if it must. Only
// the holder of the Feed's lock sends, so room that was made stays.
func (s *Subscription) offer(r Record) {
	select {
	case s.c <- r:
		return
	default:
	}
	select {
	case <-s.c:
		s.lost.Add(1)
	default: // the subscriber just took one
	}
	s.c <- r
}
