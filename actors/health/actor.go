package health

import (
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

const (
	// reviveAfter is the pause before a prober that supervision gave up starts again.
	reviveAfter = 10 * time.Second
	// abortPatience is how long a prober that ends waits for its cancelled probe.
	// Probes obey within milliseconds.
	abortPatience = time.Second
)

// Deps are the collaborators of a health actor.
type Deps struct {
	// Gate caps the probes of the process; all health actors share one. nil = one of
	// its own with DefaultCap.
	Gate *Gate
	// Supervisor supervises the probers; nil = protoactor's default.
	Supervisor actor.SupervisorStrategy
	// WrapProber adds to the Props of the probers, such as a crash log; nil = nothing.
	WrapProber func(*actor.Props) *actor.Props
	// StopChild stops a prober; nil = c.Stop.
	StopChild func(c actor.Context, child *actor.PID)
	// Record is told the result of each probe, from the probers' goroutines; it
	// must not block. At is when the probe ended. nil = nobody.
	Record func(upstream, addr string, r balance.ProbeRecord)
	// NewProbe makes probes of checks; nil = NewProbe of this package.
	NewProbe func(messages.CheckSpec) (ProbeFunc, error)
	// Stats measures the probes; nil = nobody.
	Stats *Stats
	// Logger; nil = nothing is logged.
	Logger *slog.Logger
}

func (d Deps) complete() Deps {
	if d.Gate == nil {
		d.Gate = NewGate(0)
	}
	if d.WrapProber == nil {
		d.WrapProber = func(p *actor.Props) *actor.Props { return p }
	}
	if d.StopChild == nil {
		d.StopChild = func(c actor.Context, child *actor.PID) { c.Stop(child) }
	}
	if d.Record == nil {
		d.Record = func(string, string, balance.ProbeRecord) {}
	}
	if d.NewProbe == nil {
		d.NewProbe = NewProbe
	}
	if d.Stats == nil {
		d.Stats = NewStats()
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

// Props returns the props of the health actor of one upstream, to be spawned as
// a child: its parent is told the verdicts. They hold what outlives its
// incarnations, so only one actor may run of them at a time; one that is spawned
// after it has ended goes on where it was.
func Props(cfg Config, deps Deps) *actor.Props {
	deps = deps.complete()
	memory := &memory{clock: newClock(), share: deps.Gate.Share(), seats: map[string]*seat{}}
	props := actor.PropsFromProducer(func() actor.Actor {
		return &health{cfg: cfg, deps: deps, memory: memory, roster: newRoster(memory),
			pids: map[string]*actor.PID{}, addrs: map[string]string{}}
	})
	if deps.Supervisor != nil {
		props.Configure(actor.WithSupervisor(deps.Supervisor))
	}
	return props
}

// revive asks health to start the probers again that supervision gave up.
type revive struct{}

// health is the actor of one upstream.
type health struct {
	cfg    Config
	deps   Deps
	memory *memory
	roster *roster
	// pids are the prober actors by address, those that are ending included.
	pids map[string]*actor.PID
	// addrs are their addresses by PID.
	addrs map[string]string
	// probers are the Props of all probers, but for their producer.
	probers *actor.Props
	// revival cancels the timer of the next revive; nil = none is set.
	revival scheduler.CancelFunc
	// closing is true from Stopping or Restarting on: nothing is started any more.
	closing bool
}

// Receive handles one message.
func (h *health) Receive(c actor.Context) {
	if h.closing {
		return
	}
	switch m := c.Message().(type) {
	case *actor.Started:
		if h.memory.watch != nil { // an incarnation before this one was told it
			h.apply(c, h.roster.watch(*h.memory.watch, h.planFor(*h.memory.watch)))
		}
	case messages.WatchPeers:
		h.apply(c, h.roster.watch(m, h.planFor(m)))
	case messages.ProbeNow:
		for _, addr := range h.roster.ask(m) {
			c.Send(h.pids[addr], force{})
		}
	case messages.VerdictReached:
		if m, ok := h.roster.reached(m); ok {
			c.Send(c.Parent(), m)
		}
	case *actor.Terminated:
		h.ended(c, m.Who)
	case revive:
		h.revival = nil
		h.apply(c, h.roster.revive())
	case *actor.Stopping, *actor.Restarting:
		h.closing = true
		if h.revival != nil {
			h.revival()
		}
	default:
		h.deps.Logger.Warn("unexpected message", "actor", c.Self().Id, "message", actor.MessageType(m))
	}
}

// planFor returns how to probe as m says, nil for not at all. An unchanged
// check keeps its plan; one that cannot be run leaves the plan before it in force.
func (h *health) planFor(m messages.WatchPeers) *plan {
	if m.Check.Kind == messages.CheckOff {
		h.memory.plan = nil
		return nil
	}
	check := complete(m.Check)
	if h.memory.plan != nil && h.memory.plan.check.Equal(check) {
		return h.memory.plan
	}
	probe, err := h.deps.NewProbe(check)
	if err != nil {
		h.deps.Logger.Error("health check cannot be run, the one before it goes on", "upstream", m.Upstream, "error", err)
		for _, target := range m.Peers.All() {
			h.deps.Record(m.Upstream, target.Addr, balance.ProbeRecord{At: time.Now(), Code: messages.CodeInternal, Detail: clean(err.Error())})
		}
		return h.memory.plan
	}
	h.memory.plan = &plan{check: check, probe: probe}
	return h.memory.plan
}

func (h *health) apply(c actor.Context, fx effects) {
	for _, addr := range fx.stop {
		h.deps.StopChild(c, h.pids[addr])
	}
	for _, addr := range fx.renew {
		c.Send(h.pids[addr], renew{})
	}
	for _, addr := range fx.start {
		h.spawn(c, addr)
	}
	for _, verdict := range fx.tell {
		c.Send(c.Parent(), verdict)
	}
	if fx.reviveLater && h.revival == nil {
		h.revival = scheduler.NewTimerScheduler(c.ActorSystem().Root).SendOnce(reviveAfter, c.Self(), revive{})
	}
}

func (h *health) spawn(c actor.Context, addr string) {
	seat, deps, memory := h.memory.seats[addr], &h.deps, h.memory
	if h.probers == nil {
		h.probers = deps.WrapProber(actor.PropsFromProducer(func() actor.Actor { return nil }))
	}
	// All that the Props of a hundred thousand probers differ in is the producer.
	props := *h.probers
	props.Configure(actor.WithProducer(func() actor.Actor {
		return &proberActor{upstream: h.cfg.Upstream, deps: deps, seat: seat, clock: memory.clock, share: memory.share}
	}))
	pid, err := c.SpawnNamed(&props, nameOf(addr))
	if err != nil {
		panic(err) // the name is taken by a prober that the roster believes ended: the state is broken
	}
	h.pids[addr], h.addrs[pid.Id] = pid, addr
}

// ended takes the end of a child.
func (h *health) ended(c actor.Context, who *actor.PID) {
	addr, known := h.addrs[who.Id]
	if !known {
		return
	}
	delete(h.addrs, who.Id)
	delete(h.pids, addr)
	fx := h.roster.hasEnded(addr)
	if fx.reviveLater {
		h.deps.Logger.Error("prober gave up, it starts again later", "upstream", h.cfg.Upstream, "peer", addr, "after", reviveAfter)
	}
	h.apply(c, fx)
}

// Messages of a prober to itself (tick, and outcome) and from health (force, renew).
type (
	// tick says that a probe is due.
	tick struct{ ticket uint64 }
	// force asks for a probe at once.
	force struct{}
	// renew says that the plan of the seat is another one.
	renew struct{}
)

// proberActor probes one peer.
type proberActor struct {
	upstream string
	deps     *Deps
	seat     *seat
	clock    clock
	share    *Share

	core *prober
	// armed is the ticket of the tick that is awaited, disarm cancels its timer.
	armed  uint64
	disarm scheduler.CancelFunc
	// flying is the ticket of the probe in flight, nil flight = none.
	flying uint64
	flight *flight
}

// Receive handles one message.
func (a *proberActor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		a.begin(c)
	case tick:
		if m.ticket == a.armed {
			a.launch(c)
		}
	case outcome:
		if a.flight != nil && m.ticket == a.flying {
			a.landed(c, m)
		}
	case force:
		a.seat.asked.Store(false)
		if a.core.force(a.clock.now()) {
			a.arm(c)
		}
	case renew:
		a.end(c)
		a.begin(c)
	case *actor.Stopping, *actor.Restarting:
		a.end(c)
	case *actor.Stopped:
	default:
		a.deps.Logger.Warn("unexpected message", "actor", c.Self().Id, "message", actor.MessageType(m))
	}
}

func (a *proberActor) begin(c actor.Context) {
	a.seat.asked.Store(false)
	a.core = newProber(a.seat, a.clock.now())
	a.arm(c)
}

// end releases the timer and the probe in flight.
func (a *proberActor) end(c actor.Context) {
	if a.disarm != nil {
		a.disarm()
	}
	a.armed, a.disarm = 0, nil
	if a.flight != nil && !a.flight.abort(abortPatience) {
		a.deps.Logger.Error("cancelled probe does not end", "actor", c.Self().Id)
	}
	a.flight = nil
}

// arm sets the timer for the planned probe, in place of the one before.
func (a *proberActor) arm(c actor.Context) {
	if a.disarm != nil {
		a.disarm()
	}
	a.armed = a.seat.tickets.Add(1)
	a.disarm = scheduler.NewTimerScheduler(c.ActorSystem().Root).
		SendOnce(max(0, a.core.planned-a.clock.now()), c.Self(), tick{a.armed})
}

func (a *proberActor) launch(c actor.Context) {
	root, self := c.ActorSystem().Root, c.Self()
	a.armed, a.disarm = 0, nil
	a.core.begin()
	a.flying = a.seat.tickets.Add(1)
	a.flight = launch(order{
		ticket: a.flying, addr: a.seat.addr, probe: a.core.plan.probe, planned: a.core.planned,
		share: a.share, clock: a.clock, report: func(o outcome) { root.Send(self, o) },
	})
}

// landed takes the outcome of the probe in flight. One that panicked crashes
// the prober, so that its supervision knows.
func (a *proberActor) landed(c actor.Context, o outcome) {
	a.flight = nil
	at := time.Now()
	a.deps.Stats.observe(a.core.plan.check.Kind, o.result.Code, o.result.Took, o.late)
	a.deps.Record(a.upstream, a.seat.addr, balance.ProbeRecord{At: at, Took: o.result.Took, Late: o.late, Code: o.result.Code, Detail: o.result.Detail})
	if o.crash != "" {
		panic(errors.New(o.crash))
	}
	reached, isNew := a.core.end(o, a.clock.now(), at)
	a.arm(c)
	if isNew {
		c.Send(c.Parent(), reached)
	}
}
