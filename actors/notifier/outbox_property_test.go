package notifier

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
)

// chaos runs an outbox step by step against a stream on which nothing can be relied.
type chaos struct {
	t      *testing.T
	r      *rand.Rand
	o      *Outbox
	stream *fakeStream
	source *numbered
	// latest is the last event of each peer that exists.
	latest map[[2]string]int
	clean  bool // only failures that are certain
	pass   func(time.Duration)
}

// TestWhateverHappensEventsAreStoredOnceInOrderOrCounted checks after each of
// many random steps that accepted = stored + dropped + pending, and when all is
// over that the stream holds no event twice and each subject in order, that
// nothing went missing uncounted, and that the latest flip of each peer is there.
func TestWhateverHappensEventsAreStoredOnceInOrderOrCounted(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				c := &chaos{t: t, r: rand.New(rand.NewPCG(seed, 1)), stream: newFakeStream(), latest: map[[2]string]int{}, clean: seed%3 == 0, pass: time.Sleep}
				c.stream.held = true
				config := cfg()
				config.Outbox = OutboxConfig{Entries: 4 + c.r.IntN(30), InFlight: 1 + c.r.IntN(8)}
				c.o = NewOutbox(config, c.stream.deps(w))
				c.source = number1(c.o)
				for range 600 {
					c.step()
					balanced(t, c.o)
				}
				c.heal()
				c.check()
			})
		})
	}
}

// step does one thing at random.
func (c *chaos) step() {
	switch n := c.r.IntN(100); {
	case n < 25:
		c.flip()
	case n < 30:
		c.source.down(c.upstream())
	case n < 32:
		c.remove()
	case n < 75:
		c.deliver()
	case n < 90:
		if waiting := len(c.stream.answers); waiting > 0 {
			c.stream.answer(c.r.IntN(waiting))
		}
	case n < 95:
		c.pass(time.Duration(c.r.Int64N(int64(time.Second))))
	case n < 96:
		c.pass(time.Duration(c.r.Int64N(int64(3 * time.Minute))))
	default:
		c.change()
	}
}

func (c *chaos) upstream() string { return "u" + strconv.Itoa(c.r.IntN(3)) }

func (c *chaos) flip() {
	upstream, peer := c.upstream(), "p"+strconv.Itoa(c.r.IntN(4))
	c.latest[[2]string{upstream, peer}] = c.source.put(messages.Flipped{Upstream: upstream, Peer: peer})
}

func (c *chaos) remove() {
	upstream := c.upstream()
	c.source.put(messages.UpstreamChanged{Upstream: upstream, Change: messages.UpstreamRemoved})
	for peer := range c.latest {
		if peer[0] == upstream {
			delete(c.latest, peer)
		}
	}
}

// deliver does what Run would do next.
func (c *chaos) deliver() bool {
	j := c.o.next(time.Now())
	c.o.writeLog()
	if j.action == actPublish || j.action == actStore {
		c.o.perform(j)
		return true
	}
	return false
}

func (c *chaos) change() {
	weather := c.r.IntN(5)
	c.stream.set(func(s *fakeStream) {
		s.gone, s.away = weather == 0, weather == 1
		s.fate = nil
		if weather == 2 {
			s.fate = func() fate {
				if c.clean {
					return []fate{stores, refuses}[c.r.IntN(2)]
				}
				return fate(c.r.IntN(int(fateless)))
			}
		}
	})
	<-c.stream.changed
	c.o.changed()
}

// heal has everything work, and delivers what is left.
func (c *chaos) heal() {
	c.stream.set(func(s *fakeStream) { s.gone, s.away, s.fate = false, false, nil })
	for range 100_000 {
		switch {
		case c.deliver():
		case len(c.stream.answers) > 0:
			c.stream.answer(0)
		case c.o.backlog.len() == 0:
			return
		default:
			c.pass(time.Second)
		}
		balanced(c.t, c.o)
	}
	c.t.Fatalf("%d entries are left for ever", c.o.backlog.len())
}

func (c *chaos) check() {
	there, last := map[string]bool{}, map[string]int{}
	for _, m := range c.stream.stored {
		if there[m.ID] {
			c.t.Errorf("%+v is stored twice", m)
		}
		there[m.ID] = true
		n, err := strconv.Atoi(m.Detail)
		if err != nil { // what the outbox itself tells
			continue
		}
		there[m.Detail] = true
		if n <= last[m.Subject] {
			c.t.Errorf("%+v comes after %d of its subject", m, last[m.Subject])
		}
		last[m.Subject] = n
		if c.stream.doubted[m.ID] {
			there["doubted "+m.Detail] = true
		}
	}
	missing := 0
	for n := 1; n <= c.source.n; n++ {
		if !there[strconv.Itoa(n)] {
			missing++
		}
	}
	if uint64(missing) > c.o.dropped {
		c.t.Errorf("%d events are missing, %d counted as dropped", missing, c.o.dropped)
	}
	if c.clean && uint64(missing) != c.o.dropped-c.lostReports() {
		c.t.Errorf("%d events are missing, %d counted as dropped, though every outcome was certain", missing, c.o.dropped)
	}
	if c.clean {
		for peer, n := range c.latest {
			if !there[strconv.Itoa(n)] {
				c.t.Errorf("the latest flip of %v, %d, is missing", peer, n)
			}
		}
	}
}

// lostReports counts the events of the outbox itself that were dropped.
func (c *chaos) lostReports() uint64 {
	reports := uint64(0)
	for _, m := range c.stream.stored {
		if m.Subject == outboxSubject("weir") {
			reports++
		}
	}
	return c.o.accepted - uint64(c.source.n) - reports
}
