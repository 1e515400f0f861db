package notifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
)

var (
	errUncertain = errors.New("no answer")
	errRefused   = errors.New("not stored")
	errGone      = errors.New("no connection")
)

// fate is what becomes of a message on its way into a fake stream.
type fate int

const (
	stores   fate = iota // stored and acknowledged
	ackLost              // stored, and nobody hears of it
	msgLost              // not stored, and nobody hears of it
	refuses              // not stored, with an answer
	fateless             // how many there are
)

// kept is a message in a fake stream.
type kept struct {
	ID, Subject, Detail string
	Late                bool
}

// fakeStream models NATS and a stream of it: who is subscribed gets what is
// published; the stream stores in order what comes by Store, and knows ids for
// its duplicate window.
type fakeStream struct {
	mu     sync.Mutex
	window time.Duration
	gone   bool
	away   bool        // what StoreReady says the contrary of
	fate   func() fate // nil = stores
	// held keeps answers back until answer is called.
	held    bool
	answers []func()

	ids     map[string]time.Time
	doubted map[string]bool // ids of which an outcome was uncertain
	stored  []kept
	live    []kept
	changed chan struct{}
}

func newFakeStream() *fakeStream {
	return &fakeStream{window: 2 * time.Minute, ids: map[string]time.Time{}, doubted: map[string]bool{}, changed: make(chan struct{}, 1)}
}

func (s *fakeStream) publish(subject string, header map[string]string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errGone
	}
	s.live = append(s.live, read(subject, header, body))
	return nil
}

func (s *fakeStream) store(subject string, header map[string]string, body []byte, done func(bool, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errGone
	}
	m := read(subject, header, body)
	s.live = append(s.live, m)
	what, duplicate := stores, false
	if s.fate != nil {
		what = s.fate()
	}
	if what == stores || what == ackLost {
		duplicate = s.keep(m)
	}
	answer := func() {
		switch what {
		case stores:
			done(duplicate, nil)
		case refuses:
			done(false, fmt.Errorf("store: %w", errRefused))
		default:
			done(false, fmt.Errorf("store: %w", errUncertain))
		}
	}
	if what == ackLost || what == msgLost {
		s.doubted[m.ID] = true
	}
	if s.held {
		s.answers = append(s.answers, answer)
	} else {
		go answer()
	}
	return nil
}

// keep stores a message, or tells that it is a duplicate.
func (s *fakeStream) keep(m kept) bool {
	if at, known := s.ids[m.ID]; known && time.Since(at) < s.window {
		return true
	}
	s.ids[m.ID] = time.Now()
	s.stored = append(s.stored, m)
	return false
}

// answer gives the i-th answer that is held.
func (s *fakeStream) answer(i int) {
	s.mu.Lock()
	a := s.answers[i]
	s.answers = append(s.answers[:i], s.answers[i+1:]...)
	s.mu.Unlock()
	a()
}

// quietly changes the stream, and tells nobody.
func (s *fakeStream) quietly(change func(*fakeStream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// set changes the stream and tells the outbox of it.
func (s *fakeStream) set(change func(*fakeStream)) {
	s.quietly(change)
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *fakeStream) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.gone && !s.away
}

// details returns what of the messages in list was numbered: "1", or "1 late".
func (s *fakeStream) details(list *[]kept) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, m := range *list {
		text := m.Detail
		if m.Late {
			text += " late"
		}
		out = append(out, text)
	}
	return out
}

// deps are those of an outbox that has this stream.
func (s *fakeStream) deps(w *world) OutboxDeps {
	w.feed = NewFeed(10)
	return OutboxDeps{Publish: s.publish, Store: s.store, Uncertain: func(err error) bool { return errors.Is(err, errUncertain) },
		StoreReady: s.ready, StoreChanged: s.changed, Feed: w.feed, Logger: slog.New(slog.NewJSONHandler(w, nil))}
}

func read(subject string, header map[string]string, body []byte) kept {
	m := kept{ID: header["Nats-Msg-Id"], Subject: subject}
	if err := json.Unmarshal(body, &m); err != nil {
		panic(err)
	}
	return m
}

// numbered has the outbox take events whose details are numbers, from 1.
type numbered struct {
	o *Outbox
	e encoder
	n int
}

func number1(o *Outbox) *numbered { return &numbered{o: o, e: newEncoder(cfg())} }

func (n *numbered) put(event messages.Event) int {
	n.n++
	detail := strconv.Itoa(n.n)
	switch m := event.(type) {
	case messages.Flipped:
		m.Detail, m.Seq = detail, uint64(n.n)
		event = m
	case messages.UpstreamChanged:
		m.Detail = detail
		event = m
	}
	r, _ := n.e.encode(event)
	n.o.put(event, r)
	return n.n
}

// flip has the peer of web flip.
func (n *numbered) flip(peer string) int { return n.put(messages.Flipped{Upstream: "web", Peer: peer}) }

// down puts an event of no peer, on a subject of its own.
func (n *numbered) down(upstream string) int {
	return n.put(messages.UpstreamChanged{Upstream: upstream, Change: messages.UpstreamDown})
}

// balanced checks that nothing is lost uncounted.
func balanced(t *testing.T, o *Outbox) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.accepted != o.stored+o.dropped+uint64(o.backlog.len()) {
		t.Fatalf("accepted %d, but stored %d + dropped %d + pending %d", o.accepted, o.stored, o.dropped, o.backlog.len())
	}
}
