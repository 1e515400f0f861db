package certs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Options.
const (
	// DefaultInterval is how often Run looks at the files.
	DefaultInterval = time.Second
	// DefaultPatience is how long a change must stay bad before it is told.
	DefaultPatience = 10 * time.Second
)

// Options set a Set up. The zero value is good.
type Options struct {
	// Interval is how often Run looks at the files; 0 = DefaultInterval.
	Interval time.Duration
	// Patience is how long a change must stay bad before it is told as Refused;
	// 0 = DefaultPatience.
	Patience time.Duration
	// Now is the clock of handshakes and of Run, asked from many goroutines; nil =
	// time.Now.
	Now func() time.Time
	// Tell is given each Notice, one after the other, by whoever calls Look. It must
	// not call Look. nil = nobody is told.
	Tell func(Notice)
}

// Set holds what was read from files, each once however many use it. Make it with
// Open; Server and Client fill it. Its methods may be called at the same time.
type Set struct {
	options Options
	// generation counts the changes of anything in force. Servers and clients compare it.
	generation atomic.Uint64
	looking    sync.Mutex // one Look at a time; taken before mu

	mu   sync.Mutex // never held while files are read
	held map[Pair]*held
	told map[identity]int // thresholds, in days
}

// held is one pair, or the authorities of one file, with those who use it.
type held struct {
	id   Pair // without Key: authorities
	now  atomic.Pointer[material]
	file files   // of whoever looks
	last reading // likewise

	users map[string]int // guarded by Set.mu, as is watch
	watch watch
}

// Open returns an empty Set. It reads and starts nothing.
func Open(o Options) *Set {
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(Notice) {}
	}
	return &Set{options: o, held: map[Pair]*held{}, told: map[identity]int{}}
}

// Run looks at the files at once and then each Interval, until ctx is done.
func (s *Set) Run(ctx context.Context) {
	ticker := time.NewTicker(s.options.Interval)
	defer ticker.Stop()
	for {
		s.Look(s.options.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Look reads what changed, puts in force what is good, and tells what there is to tell.
func (s *Set) Look(now time.Time) {
	s.looking.Lock()
	defer s.looking.Unlock()
	var notices []Notice
	for _, h := range s.list() {
		if notice := s.settle(h, h.judge(h.look(), now), now); notice != nil {
			notices = append(notices, notice)
		}
	}
	for _, notice := range s.expiring(now) {
		notices = append(notices, notice)
	}
	for _, notice := range notices {
		s.options.Tell(notice)
	}
}

// list returns what is held, in the order of its names.
func (s *Set) list() []*held {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.held), func(a, b *held) int { return a.id.compare(b.id) })
}

// settle does what a reading of h leads to. It returns nil when there is nothing to tell.
func (s *Set) settle(h *held, r reading, now time.Time) Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[h.id] != h {
		return nil // nobody uses it any more
	}
	todo := h.watch.step(now, r)
	if todo == replace {
		r.material.loaded = now
		h.now.Store(r.material)
		s.generation.Add(1)
	}
	c, end := h.now.Load().subject(), h.now.Load().ends().NotAfter
	switch todo {
	case replace, restore:
		return Reloaded{File: h.id.Cert, Names: names(c), NotAfter: end, Serial: serial(c), UsedBy: h.usedBy()}
	case refuse:
		return Refused{File: h.id.Cert, Err: r.err, Names: names(c), NotAfter: end, UsedBy: h.usedBy()}
	case keep:
	}
	return nil
}

// expiring returns what ends soon and was not told yet.
func (s *Set) expiring(now time.Time) []Expiring {
	certificates := s.Certificates()
	s.mu.Lock()
	defer s.mu.Unlock()
	var notices []Expiring
	notices, s.told = due(certificates, now, s.told)
	return notices
}

// acquire returns what id names, read now unless somebody uses it already.
func (s *Set) acquire(id Pair, by string) (*held, error) {
	if h := s.join(id, by, nil); h != nil {
		return h, nil
	}
	fresh := &held{id: id, file: files{names: id.names()}, users: map[string]int{}}
	r := fresh.look()
	if r.err != nil {
		return nil, r.err
	}
	r.material.loaded = s.options.Now()
	fresh.now.Store(r.material)
	fresh.watch = watch{patience: s.options.Patience, inForce: r.sum}
	return s.join(id, by, fresh), nil
}

// join makes by a user of what id names: what is held, else fresh, else nothing.
func (s *Set) join(id Pair, by string, fresh *held) *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[id]
	if h == nil && fresh != nil {
		h = fresh
		s.held[id] = h
	}
	if h != nil {
		h.users[by]++
	}
	return h
}

// release ends what acquire began. What nobody uses any more is not looked at again.
func (s *Set) release(by string, all []*held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range all {
		if h.users[by]--; h.users[by] == 0 {
			delete(h.users, by)
		}
		if len(h.users) == 0 {
			delete(s.held, h.id)
		}
	}
}

// look reads the files, if they may have changed.
func (h *held) look() reading {
	if h.file.unchanged() {
		return h.last
	}
	texts, err := h.file.read()
	if err != nil {
		h.last = reading{sum: err.Error(), err: err}
		return h.last
	}
	sum := sumOf(texts)
	if now := h.now.Load(); now != nil && now.sum == sum {
		h.last = reading{sum: sum, material: now}
		return h.last
	}
	m, err := parse(h.id, texts)
	if err == nil {
		m.sum = sum
	}
	h.last = reading{sum: sum, err: err, material: m}
	return h.last
}

// judge refuses what is out of its time while what is in force is not. It is asked
// with each look: a certificate may begin, and what is in force ends.
func (h *held) judge(r reading, now time.Time) reading {
	if r.err != nil || r.material.isValid(now) || !h.now.Load().isValid(now) {
		return r
	}
	c := r.material.subject()
	if now.Before(c.NotBefore) {
		r.err = fmt.Errorf("%s: %w: it is valid from %s on, and it is %s; what is in force stays until then", h.id.Cert, ErrOutOfTime, stamp(c.NotBefore), stamp(now))
	} else {
		r.err = fmt.Errorf("%s: %w: it ended at %s; renew it", h.id.Cert, ErrOutOfTime, stamp(c.NotAfter))
	}
	r.material = nil
	return r
}

// usedBy returns the users, sorted. Set.mu is held.
func (h *held) usedBy() []string { return slices.Sorted(maps.Keys(h.users)) }

// names are the files.
func (p Pair) names() []string {
	if p.Key == "" {
		return []string{p.Cert}
	}
	return []string{p.Cert, p.Key}
}
