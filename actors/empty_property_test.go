package actors_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/actors"
	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/discovery/dns"
	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/dnstest"
	"github.com/weirproxy/weir/messages"
)

// weather is what can befall the names of an upstream: each resolves, or fails in
// one of many ways, and things crash meanwhile. The names are looked up for real,
// on a fake clock.
type weather struct {
	t        *testing.T
	rand     *rand.Rand
	server   *dnstest.Server
	registry *balance.Registry
	system   *actors.System
	// addrs is what each name resolves to; nil while it fails.
	addrs [4][]string
	// known are the names that were served, and did not say since that there is nothing.
	known [4]bool
	// anchor is a known name that resolves at any time.
	anchor int
	owner  map[string]int // of each address given out: the name
	// served is set once there was a peer; emptied says how there was none after that.
	served  atomic.Bool
	emptied atomic.Pointer[string]
	log     []string
}

// brew starts a tree with an upstream whose names all resolve, and waits until
// it serves them. It is called in a bubble; server is from outside.
func brew(t *testing.T, seed uint64, server *dnstest.Server, hosts string) *weather {
	w := &weather{t: t, rand: rand.New(rand.NewPCG(seed, 7)), server: server, registry: balance.NewRegistry(), owner: map[string]int{}}
	resolver, err := dns.New(dns.Config{Servers: []string{server.Addr()}, Timeout: 50 * time.Millisecond, Attempts: 1, Hosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	w.system, err = actors.Start(actors.Config{}, actors.Deps{
		Source:   discovery.ByKind{messages.DiscoverDNS: discovery.FromDNS(resolver)},
		Registry: w.registry, Prepare: func(messages.Desired) (func(), error) { return func() {}, nil },
		Notifier: notifier.Config{Prefix: "weir", Member: "a", Incarnation: "1"},
		NotifierDeps: notifier.Deps{Feed: notifier.NewFeed(10), Logger: slog.New(slog.DiscardHandler),
			Publish: func(string, map[string]string, []byte) error { return nil }},
		Logger: slog.New(slog.DiscardHandler), Middleware: []actor.ReceiverMiddleware{w.watch},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.addrs {
		w.resolves(i)
	}
	w.apply()
	w.until("all names are known", func() bool { return w.serves(0, 1, 2, 3) })
	return w
}

// watch looks at what is served at each message that any actor gets.
func (w *weather) watch(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
		if _, ok := e.Message.(bomb); ok {
			panic("bomb")
		}
		next(c, e)
		served := w.served.Load() // before the look: another actor may publish the first peers in between
		s := w.registry.Ref("web").Snapshot()
		switch {
		case s != nil && s.Len() > 0 && s.Available() > 0:
			w.served.Store(true)
		case served:
			text := fmt.Sprintf("no peer after %T to %s", e.Message, c.Self().Id)
			w.emptied.CompareAndSwap(nil, &text)
		}
	}
}

// apply applies the upstream: two names, and two services of one target each.
// What is not about discovery differs each time.
func (w *weather) apply() {
	spec := messages.UpstreamSpec{Name: "web", Algo: messages.Algo{Kind: messages.RoundRobin}, Check: messages.CheckSpec{Kind: messages.CheckOff},
		Discovery: messages.Discovery{Kind: messages.DiscoverDNS}, Limits: messages.Limits{MaxRequests: 1 + w.rand.IntN(1000)}}
	entries := []messages.PeerSpec{{Addr: "n0.test:80"}, {Addr: "n1.test:80"}, {Addr: "_http._tcp.n2.test"}, {Addr: "_http._tcp.n3.test"}}
	w.rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	for i := range entries {
		entries[i].Weight = 1 + w.rand.IntN(3)
	}
	spec.Addrs = messages.ListOf(entries...)
	w.system.Apply(messages.Desired{Upstreams: messages.ListOf(spec)})
}

// resolves gives a name one to three addresses that nobody had before, and now and
// then one that it has.
func (w *weather) resolves(name int) {
	if name > 1 {
		service := fmt.Sprintf("_http._tcp.n%d.test.", name)
		w.server.Set(service, "SRV", dnstest.Records(fmt.Sprintf("%s 1 IN SRV 0 1 80 n%d.test.", service, name)))
	}
	keep := min(w.rand.IntN(2), len(w.addrs[name]))
	addrs := slices.Clone(w.addrs[name][:keep])
	for range 1 + w.rand.IntN(3) {
		addr := fmt.Sprintf("10.%d.%d.1", len(w.owner)/250, len(w.owner)%250)
		w.owner[addr+":80"] = name
		addrs = append(addrs, addr)
	}
	w.addrs[name] = addrs
	w.server.SetAddrs(fmt.Sprintf("n%d.test.", name), w.rand.IntN(3), addrs...)
}

// fails has a name fail in some way, or say that there is nothing.
func (w *weather) fails(name int) {
	ways := []dnstest.Reply{dnstest.Code("SERVFAIL"), dnstest.Code("REFUSED"), dnstest.Code("NXDOMAIN"), dnstest.NoData(), {Trick: dnstest.NoQuestion}}
	way := ways[w.rand.IntN(len(ways))]
	if w.rand.IntN(20) == 0 { // each such answer takes real time
		way = []dnstest.Reply{{Trick: dnstest.Silence}, {Trick: dnstest.Garbage}, {Trick: dnstest.WrongID}}[w.rand.IntN(3)]
	}
	of, types := fmt.Sprintf("n%d.test.", name), []string{"A", "AAAA"}
	if name > 1 && w.rand.IntN(2) == 0 {
		of, types = "_http._tcp."+of, []string{"SRV"}
	}
	for _, rrtype := range types {
		w.server.Set(of, rrtype, way)
	}
	w.addrs[name] = nil
	if way.Code == "NXDOMAIN" || way.Code == "NOERROR" {
		w.known[name] = false
	}
	w.note("n%d fails: %+v", name, way)
}

// step lets something happen. The anchor goes on resolving.
func (w *weather) step() {
	name := w.rand.IntN(len(w.addrs))
	switch n := w.rand.IntN(16); {
	case n < 5 && name != w.anchor:
		w.fails(name)
	case n < 8:
		w.resolves(name)
		w.note("n%d resolves to %v", name, w.addrs[name])
	case n == 8 && w.addrs[name] != nil:
		w.until(fmt.Sprintf("n%d is known", name), func() bool { return w.serves(name) })
		w.anchor = name
		w.note("n%d is the anchor", name)
	case n == 9:
		w.note("apply")
		w.apply()
	case n == 10:
		victim := []string{"system/upstreams/web/discoverer", "system/upstreams/web", "system/upstreams", "system/control"}[w.rand.IntN(4)]
		w.note("crash of %s", victim)
		w.system.Tell(victim, bomb{})
	case n == 11:
		w.note("starving")
		w.system.Tell("system/upstreams/web", messages.Starving{Upstream: "web"})
	default:
		pause := time.Duration(w.rand.IntN(20_000)) * time.Millisecond
		w.note("%v", pause)
		<-time.After(pause)
	}
	synctest.Wait()
}

// check returns which promise is broken.
func (w *weather) check() error {
	if how := w.emptied.Load(); how != nil {
		return errors.New(*how)
	}
	var served [4]bool
	for _, addr := range w.peers() {
		served[w.owner[addr]] = true
	}
	for name, known := range w.known {
		if known && !served[name] {
			return fmt.Errorf("n%d has no peer, though nobody said that it has no address", name)
		}
		w.known[name] = known || (w.addrs[name] != nil && w.serves(name))
	}
	return nil
}

func (w *weather) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// serves tells whether all that these names resolve to is among the peers served.
func (w *weather) serves(names ...int) bool {
	for _, name := range names {
		for _, addr := range w.addrs[name] {
			if !slices.Contains(w.peers(), addr+":80") {
				return false
			}
		}
	}
	return true
}

func (w *weather) peers() []string {
	var addrs []string
	if s := w.registry.Ref("web").Snapshot(); s != nil {
		for _, m := range s.Members() {
			addrs = append(addrs, m.Peer.Addr())
		}
	}
	return addrs
}

// until lets the clock of the bubble go on until cond holds.
func (w *weather) until(what string, cond func() bool) {
	w.t.Helper()
	for range 600 {
		synctest.Wait()
		if cond() {
			return
		}
		<-time.After(time.Second)
	}
	w.t.Fatalf("waited ten minutes until %s; served: %v, after\n%s", what, w.peers(), strings.Join(w.log, "\n"))
}

// TestNoWeatherEmptiesAnUpstreamWhoseNamesResolveInPart plays random sequences
// of results and failures of names, of which one that is known resolves at any time.
func TestNoWeatherEmptiesAnUpstreamWhoseNamesResolveInPart(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			server, hosts := dnstest.Start(t), filepath.Join(t.TempDir(), "absent")
			synctest.Test(t, func(t *testing.T) {
				w := brew(t, seed, server, hosts)
				defer w.end()
				for range 120 {
					w.step()
					if err := w.check(); err != nil {
						t.Fatalf("%v; n%d resolves to %v; served: %v, after\n%s", err, w.anchor, w.addrs[w.anchor], w.peers(), strings.Join(w.log, "\n"))
					}
				}
				for name := range w.addrs {
					w.resolves(name)
				}
				w.until("all that resolves is served, and nothing else", func() bool {
					n := 0
					for _, addrs := range w.addrs {
						n += len(addrs)
					}
					return w.serves(0, 1, 2, 3) && len(w.peers()) == n
				})
			})
		})
	}
}

func (w *weather) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.system.Stop(ctx); err != nil {
		w.t.Errorf("stop: %v", err)
	}
	<-time.After(time.Minute) // on the bubble's clock, which ends with this: the library counts dead letters for a moment
}
