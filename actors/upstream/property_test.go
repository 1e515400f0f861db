package upstream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// fate plays random sequences of what can happen to an upstream and checks
// after each step what is promised, against its own simple books.
type fate struct {
	*world
	rand *rand.Rand
	now  time.Time
	// wanted is the set found last; probed are the peers with a result since they are known.
	wanted []string
	probed map[string]bool
	// disjoint is when the first of the sets began that share no peer with those who serve.
	disjoint time.Time
	log      []string
}

var fateAddrs = []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}

func newFate(t *testing.T, seed uint64) *fate {
	t.Helper()
	f := &fate{rand: rand.New(rand.NewPCG(seed, 1)), now: noon, probed: map[string]bool{}}
	spec := replacing()
	spec.DrainTimeout = 5 * time.Second
	if f.rand.IntN(3) == 0 {
		spec.Algo = messages.Algo{Kind: messages.Hash, Key: messages.KeyIP}
	}
	f.world = &world{t: t, ref: balance.NewRegistry().Ref("web")}
	for _, addr := range fateAddrs {
		if v := messages.Verdict(f.rand.IntN(3)); v != messages.Unknown {
			f.ref.Peer(addr).Remember(v, messages.CodeOK, "", noon.Add(-time.Hour), 1)
		}
	}
	f.pool = newPool(f.ref, spec, 1)
	f.do(f.pool.start(f.now))
	return f
}

// step lets one thing happen.
func (f *fate) step() {
	switch n := f.rand.IntN(20); {
	case n < 4:
		f.findSome(n == 0)
	case n == 4:
		f.note("notFound")
		f.do(f.pool.notFound(messages.DiscoveryFailed{Gen: f.pool.gen, Detail: "x"}, f.now))
	case n < 13:
		f.result()
	case n < 15:
		spec := f.pool.spec
		spec.Limits.MaxRequests = f.rand.IntN(3)
		f.note("ensure")
		f.do(f.pool.ensure(spec, f.now))
	case n == 15:
		f.note("crash")
		f.restart(f.now)
	default:
		f.now = f.now.Add(time.Duration(f.rand.IntN(4000)) * time.Millisecond)
		f.note("time %s", f.now.Sub(noon))
		if by := f.pool.old.by; !by.IsZero() && !f.now.Before(by) {
			f.do(f.pool.due(f.now)) // the alarm
		}
	}
}

func (f *fate) findSome(partial bool) {
	f.wanted = nil
	var peers []messages.PeerSpec
	for _, i := range f.rand.Perm(len(fateAddrs))[:f.rand.IntN(4)] {
		f.wanted = append(f.wanted, fateAddrs[i])
		peers = append(peers, messages.PeerSpec{Addr: fateAddrs[i], Weight: 1 + f.rand.IntN(2)})
	}
	f.note("found %v partial %v", f.wanted, partial)
	f.do(f.pool.found(messages.PeersFound{Gen: f.pool.gen, Partial: partial, Peers: messages.ListOf(peers...)}, f.now))
}

func (f *fate) result() {
	addr, v := fateAddrs[f.rand.IntN(len(fateAddrs))], messages.Verdict(1+f.rand.IntN(2))
	f.note("%s is %s", addr, v)
	if f.pool.has(addr) {
		f.probed[addr] = true
	}
	f.do(f.pool.verdict(messages.VerdictReached{Gen: f.pool.gen, Addr: addr, Verdict: v, At: f.now}, f.now))
}

func (f *fate) note(format string, args ...any) { f.log = append(f.log, fmt.Sprintf(format, args...)) }

// check returns what promise is broken.
func (f *fate) check() error {
	s := f.ref.Snapshot()
	for addr := range f.probed {
		if _, known := f.ref.Known(addr); !known {
			delete(f.probed, addr) // forgotten
		}
	}
	foreign, works := false, false
	for _, m := range s.Members() {
		addr := m.Peer.Addr()
		if m.Available && !slices.Contains(f.wanted, addr) {
			foreign = true
		}
		if m.Available && m.Peer.Verdict() == messages.Unhealthy {
			return fmt.Errorf("%s is unhealthy and available", addr)
		}
		if m.Available && m.Peer.Remembered() && m.Outgoing {
			return fmt.Errorf("%s outlives its set, and was never probed", addr)
		}
	}
	for _, addr := range f.wanted {
		if p, known := f.ref.Known(addr); known && f.probed[addr] && p.Verdict() == messages.Healthy {
			works = true
		}
	}
	if foreign && works {
		return fmt.Errorf("a peer that is not wanted serves, though one that is works")
	}
	if works && s.Available() == 0 {
		return fmt.Errorf("a wanted peer works, and nobody is available")
	}
	if !foreign {
		f.disjoint = time.Time{}
	} else if f.disjoint.IsZero() || f.pool.partial { // what is missing of a set may be what works
		f.disjoint = f.now
	}
	if foreign && !f.now.Before(f.disjoint.Add(replaceTimeout)) {
		return fmt.Errorf("a peer that is not wanted serves for %s", f.now.Sub(f.disjoint))
	}
	if s.State() != messages.StatePending && s.Available() > 0 && len(f.wanted) == 0 {
		return fmt.Errorf("somebody serves, though nobody is wanted")
	}
	return nil
}

func TestPromisesHoldOverRandomSequences(t *testing.T) {
	replaced := 0
	for seed := range uint64(3000) {
		f := newFate(t, seed)
		for range 60 {
			f.step()
			if err := f.check(); err != nil {
				t.Fatalf("seed %d: %v, after %v", seed, err, f.log)
			}
			if f.pool.replacing() {
				replaced++
			}
		}
	}
	if replaced < 1000 {
		t.Errorf("only %d steps saw a set being replaced: the sequences are too tame", replaced)
	}
}
