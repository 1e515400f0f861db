package health

import (
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// memory is what the Props of a health actor keep over its incarnations. Only
// one actor uses it at a time, from its Receive.
type memory struct {
	clock clock
	share *Share
	// watch is the last WatchPeers; nil = none came.
	watch *messages.WatchPeers
	// plan is that of the last check that could be made into a probe; nil = none.
	plan *plan
	// seats are the watched peers.
	seats map[string]*seat
	// gens numbers the seats.
	gens uint64
}

// phase is where the prober actor of an address is in its life.
type phase int

const (
	// absent: there is none.
	absent phase = iota
	// running: it is alive, or between a crash and its restart.
	running
	// ending: it was told to stop and has not ended yet.
	ending
	// relieved: ending, but the address is watched again.
	relieved
	// down: supervision gave it up; it is to be started again later.
	down
)

// input is what can happen to the prober actor of an address.
type input int

const (
	wanted   input = iota // the address is watched
	unwanted              // it is not
	ended                 // the actor has ended
	revived               // those given up may start again
)

// step is what the actor has to do after an input.
type step int

const (
	nothing step = iota
	start
	stop
	reviveLater
)

// transition is the state machine of one prober actor.
func transition(p phase, in input) (phase, step) {
	switch in {
	case wanted:
		switch p {
		case absent:
			return running, start
		case ending:
			return relieved, nothing
		}
	case unwanted:
		switch p {
		case running:
			return ending, stop
		case relieved:
			return ending, nothing
		case down:
			return absent, nothing
		}
	case ended:
		switch p {
		case running:
			return down, reviveLater
		case ending:
			return absent, nothing
		case relieved:
			return running, start
		}
	case revived:
		if p == down {
			return running, start
		}
	}
	return p, nothing
}

// roster is the core of one incarnation of a health actor: which prober actors
// there are to be. It knows no actor.
type roster struct {
	memory *memory
	phases map[string]phase
}

func newRoster(m *memory) *roster { return &roster{memory: m, phases: map[string]phase{}} }

// effects is what the actor has to do after an input.
type effects struct {
	// start, stop: the prober actors of these addresses. renew: tell those that
	// their plan changed.
	start, stop, renew []string
	// tell are verdicts for the parent.
	tell []messages.VerdictReached
	// reviveLater: start those given up again after a while.
	reviveLater bool
}

// watch makes m the set of watched peers, probed as p says; p nil means that
// nothing is probed. Peers that stay keep their verdict, and their prober its
// counters unless p is another plan than before.
func (r *roster) watch(m messages.WatchPeers, p *plan) effects {
	var fx effects
	mem := r.memory
	mem.watch = &m
	listed := make(map[string]bool, m.Peers.Len())
	for _, target := range m.Peers.All() {
		if p == nil || listed[target.Addr] {
			continue
		}
		listed[target.Addr] = true
		s := mem.seats[target.Addr]
		if s == nil {
			mem.gens++
			mem.seats[target.Addr] = newSeat(m.Upstream, target, mem.gens, p)
		} else {
			fx = r.keep(s, target, p, fx)
		}
		fx = r.on(target.Addr, wanted, fx)
	}
	for addr := range mem.seats {
		if !listed[addr] {
			delete(mem.seats, addr)
			fx = r.on(addr, unwanted, fx)
		}
	}
	return fx.sorted()
}

// keep goes on with a peer that was watched before.
func (r *roster) keep(s *seat, target messages.ProbeTarget, p *plan, fx effects) effects {
	if s.plan.Swap(p) != p && r.phases[s.addr] == running {
		fx.renew = append(fx.renew, s.addr)
	}
	known := s.verdict()
	if known.Verdict != messages.Unknown && (known.Verdict != target.Verdict || target.Remembered) {
		// The parent has missed it, or it is on its way: twice does no harm.
		known.Gen = r.memory.watch.Gen
		fx.tell = append(fx.tell, known)
	}
	return fx
}

// hasEnded takes the end of the prober actor of addr.
func (r *roster) hasEnded(addr string) effects { return r.on(addr, ended, effects{}) }

// revive starts those again that supervision gave up.
func (r *roster) revive() effects {
	var fx effects
	for addr := range r.phases {
		fx = r.on(addr, revived, fx)
	}
	return fx.sorted()
}

func (r *roster) on(addr string, in input, fx effects) effects {
	next, todo := transition(r.phases[addr], in)
	if next == absent {
		delete(r.phases, addr)
	} else {
		r.phases[addr] = next
	}
	switch todo {
	case start:
		fx.start = append(fx.start, addr)
	case stop:
		fx.stop = append(fx.stop, addr)
	case reviveLater:
		fx.reviveLater = true
	}
	return fx
}

// reached returns what the parent is to be told of a verdict from a prober, or
// false when it is of a watch that is over.
func (r *roster) reached(m messages.VerdictReached) (messages.VerdictReached, bool) {
	s := r.memory.seats[m.Addr]
	if s == nil || s.gen != m.Gen {
		return m, false
	}
	m.Gen = r.memory.watch.Gen
	return m, true
}

// ask returns whose probers are to probe at once for m. An address whose prober
// was asked before and has not seen it yet is not among them.
func (r *roster) ask(m messages.ProbeNow) []string {
	var addrs []string
	for addr, s := range r.memory.seats {
		matches := addr == m.Addr || (m.Addr == "" && s.verdict().Verdict != messages.Healthy)
		if matches && r.phases[addr] == running && s.asked.CompareAndSwap(false, true) {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// sorted makes what comes from maps the same each time.
func (fx effects) sorted() effects {
	slices.Sort(fx.start)
	slices.Sort(fx.stop)
	return fx
}

// nameOf makes an actor name of an address: another one for each address, and
// without "/".
func nameOf(addr string) string {
	var b strings.Builder
	const hex = "0123456789ABCDEF"
	for i := range len(addr) {
		c := addr[i]
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
			b.WriteByte(c)
		case c == '.':
			b.WriteByte('_')
		default:
			b.WriteString("=" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
		}
	}
	return b.String()
}
