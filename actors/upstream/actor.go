package upstream

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of the manager and of every upstream. All are required but those that say otherwise.
type Deps struct {
	Registry *balance.Registry
	// Memory is told by control what is wanted.
	Memory *Memory
	// Discoverer and Health return the props of an upstream's children. They
	// are called once in the life of an upstream; what must outlive an
	// incarnation of the child lives in the props.
	Discoverer func(upstream string) *actor.Props
	Health     func(upstream string) *actor.Props
	// Wrap completes the props of an upstream actor (supervision of its children, crash log).
	Wrap func(*actor.Props) *actor.Props
	// Notify takes events for the notifier.
	Notify func(messages.Event)
	// StopChild stops a child, and any restart of it that is pending.
	StopChild func(actor.Context, *actor.PID)
	// Retire asks the data path to close idle connections to a peer that left its
	// upstream; Cut to end everything with a peer whose drain_timeout is over. Both
	// are called from actors and must not block; nil = nobody is asked.
	Retire, Cut func(upstream, addr string)
	Logger      *slog.Logger
}

// Props returns the props of the manager. The supervision of the upstreams, and
// with it how often one may crash before it is parked, is the caller's to set.
func Props(deps Deps) *actor.Props {
	deps.Retire, deps.Cut = orNobody(deps.Retire), orNobody(deps.Cut)
	children := map[string]childProps{} // one manager uses it at a time
	return actor.PropsFromProducer(func() actor.Actor {
		return &manager{deps: deps, children: children}
	})
}

// childProps are the props of an upstream's children.
type childProps struct{ discoverer, health *actor.Props }

// manager starts, stops and parks upstreams.
type manager struct {
	deps Deps
	// children outlives the manager's incarnations, and is kept by upstream
	// until that is withdrawn.
	children map[string]childProps

	closing bool
	roster  *roster
	pids    map[string]*actor.PID // by upstream: its actor, or its caretaker
	names   map[string]string     // by actor id: the upstream
	care    map[string]uint64     // by upstream: generation of its caretaker
	drains  *drains
	alarm   alarm // brings drainDue
}

func (m *manager) Receive(c actor.Context) {
	if m.closing {
		return // what is wanted stands in the Memory
	}
	switch msg := c.Message().(type) {
	case *actor.Started:
		m.start(c)
	case *actor.Stopping, *actor.Restarting:
		m.closing = true
		m.alarm.stop()
	case drainBegan:
		m.alarm.set(m.drains.note(msg.upstream), time.Now())
	case drainDue:
		m.alarm.stop()
		m.alarm.set(m.drains.end(time.Now()), time.Now())
	case *actor.Terminated:
		name, ours := m.names[msg.Who.Id]
		delete(m.names, msg.Who.Id)
		if ours {
			m.on(c, name, ended)
		}
	case messages.EnsureUpstream:
		m.on(c, msg.Spec.Name, ensure)
	case messages.RemoveUpstream:
		m.on(c, msg.Name, remove)
	case messages.Starving:
		m.pass(c, msg.Upstream, msg, messages.ProbeNow{Upstream: msg.Upstream})
	case messages.Suspected:
		m.pass(c, msg.Upstream, msg, messages.ProbeNow{Upstream: msg.Upstream, Addr: msg.Addr})
	case messages.VerdictReached: // from the caretaker of a parked upstream
		if m.care[msg.Upstream] == msg.Gen {
			m.perform(c, msg.Upstream, careVerdict(m.deps.Registry.Ref(msg.Upstream), msg, time.Now()))
		}
	default:
		m.deps.Logger.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(msg))
	}
}

// start begins an incarnation with what is wanted, and ends the service of what
// was being removed as the one before it crashed. Drains go on.
func (m *manager) start(c actor.Context) {
	m.drains = adoptDrains(m.deps.Registry, m.deps.Cut, m.deps.Retire)
	m.alarm.later = later(c, drainDue{})
	m.alarm.set(m.drains.next(), time.Now())
	m.roster, m.pids, m.names, m.care = newRoster(), map[string]*actor.PID{}, map[string]string{}, map[string]uint64{}
	wanted, leaving := m.deps.Memory.all()
	for _, spec := range wanted {
		m.on(c, spec.Name, ensure)
	}
	for _, name := range leaving {
		m.withdraw(c, name)
	}
}

// on tells the roster and carries out what it says.
func (m *manager) on(c actor.Context, name string, in input) {
	spec, wanted := m.deps.Memory.wanted(name)
	if in == ensure && !wanted {
		return // removed again; that message is on its way
	}
	switch m.roster.on(name, in, wanted) {
	case nothing:
	case spawn:
		isNew, ok := m.deps.Memory.begin(name)
		if !ok {
			m.roster.forget(name)
			return
		}
		if isNew {
			m.deps.Notify(messages.UpstreamChanged{Upstream: name, Change: messages.UpstreamAdded, At: time.Now()})
		}
		m.spawn(c, name, name, m.deps.Wrap(m.upstreamProps(name)))
	case forward:
		c.Send(m.pids[name], messages.EnsureUpstream{Spec: spec})
	case stop:
		delete(m.care, name)
		m.deps.StopChild(c, m.pids[name])
	case withdraw:
		m.withdraw(c, name)
	case park:
		m.park(c, spec, name)
	}
}

// withdraw ends the service of an upstream, unless it is wanted again by now:
// then it starts anew.
func (m *manager) withdraw(c actor.Context, name string) {
	delete(m.pids, name)
	left, gone := m.deps.Memory.withdraw(name, time.Now())
	if !gone {
		m.on(c, name, ensure)
		return
	}
	for _, peer := range left {
		m.deps.Retire(name, peer.Addr())
	}
	m.alarm.set(m.drains.note(name), time.Now())
	delete(m.children, name)
	m.deps.Notify(messages.UpstreamChanged{Upstream: name, Change: messages.UpstreamRemoved, At: time.Now()})
}

// park starts a caretaker for an upstream whose actor is given up.
func (m *manager) park(c actor.Context, spec messages.UpstreamSpec, name string) {
	gen := m.deps.Memory.generation.Add(1)
	m.care[name] = gen
	// A dot is not part of any upstream's name.
	m.spawn(c, name, name+".caretaker", m.childrenOf(name).health)
	const detail = "its actor crashed again and again; a change of its configuration wakes it"
	m.perform(c, name, parkUpstream(m.deps.Registry.Ref(name), spec, gen, detail, time.Now()))
}

func (m *manager) spawn(c actor.Context, upstream, as string, props *actor.Props) {
	pid, err := c.SpawnNamed(props, as)
	if err != nil { // the name is taken: the roster is not what is; start anew
		panic(err)
	}
	m.pids[upstream], m.names[pid.Id] = pid, upstream
}

// pass sends msg to the upstream's actor, or careMsg to its caretaker.
func (m *manager) pass(c actor.Context, upstream string, msg, careMsg messages.Message) {
	switch m.roster.phases[upstream] {
	case running:
		c.Send(m.pids[upstream], msg)
	case parked:
		c.Send(m.pids[upstream], careMsg)
	}
}

// perform carries out effects on a parked upstream.
func (m *manager) perform(c actor.Context, name string, fx effects) {
	if fx.publish != nil {
		m.deps.Registry.Ref(name).Publish(fx.publish)
	}
	if fx.watch != nil {
		c.Send(m.pids[name], *fx.watch)
	}
	for _, event := range fx.events {
		m.deps.Notify(event)
	}
}

func (m *manager) childrenOf(name string) childProps {
	props, known := m.children[name]
	if !known {
		props = childProps{discoverer: m.deps.Discoverer(name), health: m.deps.Health(name)}
		m.children[name] = props
	}
	return props
}

func (m *manager) upstreamProps(name string) *actor.Props {
	deps, children := m.deps, m.childrenOf(name)
	return actor.PropsFromProducer(func() actor.Actor {
		return &upstream{name: name, deps: deps, children: children}
	})
}

// upstream runs a pool.
type upstream struct {
	name     string
	deps     Deps
	children childProps

	closing            bool
	pool               *pool
	discoverer, health *actor.PID
	builder            builder
	alarm              alarm // brings setDue
}

func (u *upstream) Receive(c actor.Context) {
	if u.closing {
		return
	}
	switch msg := c.Message().(type) {
	case *actor.Started:
		u.start(c, time.Now())
	case *actor.Stopping, *actor.Restarting:
		u.closing = true
		u.builder.wait()
		u.alarm.stop()
	case *actor.Terminated: // children end only with their upstream: their supervision never gives up
	default:
		if u.pool != nil { // nil: removed before it began
			u.handle(c, msg, time.Now())
		}
	}
}

// handle takes a message of the vocabulary, or one of its own.
func (u *upstream) handle(c actor.Context, message any, now time.Time) {
	switch msg := message.(type) {
	case messages.EnsureUpstream:
		u.perform(c, u.pool.ensure(msg.Spec, now))
	case messages.PeersFound:
		u.perform(c, u.pool.found(msg, now))
	case messages.DiscoveryFailed:
		u.perform(c, u.pool.notFound(msg, now))
	case messages.VerdictReached:
		u.perform(c, u.pool.verdict(msg, now))
	case messages.Starving:
		u.perform(c, u.pool.starving())
	case messages.Suspected:
		u.perform(c, u.pool.suspected(msg))
	case ringsBuilt:
		if rings, ok := u.builder.done(msg); ok {
			u.perform(c, u.pool.ringsBuilt(rings, now))
		}
	case setDue:
		if msg.gen == u.pool.gen {
			u.perform(c, u.pool.due(now))
		}
	default:
		u.deps.Logger.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(msg))
	}
}

// start begins an incarnation: adopt what is known, serve it, start the children.
func (u *upstream) start(c actor.Context, now time.Time) {
	spec, wanted := u.deps.Memory.wanted(u.name)
	if !wanted {
		return // removed in this moment; the manager is about to stop us
	}
	u.pool = newPool(u.deps.Registry.Ref(u.name), spec, u.deps.Memory.generation.Add(1))
	root, self := c.ActorSystem().Root, c.Self()
	u.alarm.later = later(c, setDue{gen: u.pool.gen})
	u.builder = builder{gen: u.pool.gen, send: func(m ringsBuilt) { root.Send(self, m) }}
	u.discoverer = u.child(c, u.children.discoverer, "discoverer")
	u.health = u.child(c, u.children.health, "health")
	c.Send(u.discoverer, messages.Discover{Spec: spec, Gen: u.pool.gen})
	c.Send(c.Parent(), drainBegan{upstream: u.name}) // an incarnation before this one may not have come to it
	u.perform(c, u.pool.start(now))
}

func (u *upstream) child(c actor.Context, props *actor.Props, name string) *actor.PID {
	pid, err := c.SpawnNamed(props, name)
	if err != nil {
		panic(err)
	}
	return pid
}

func (u *upstream) perform(c actor.Context, fx effects) {
	if fx.build != nil {
		u.builder.build(fx.build)
	}
	if fx.publish != nil {
		u.pool.ref.Publish(fx.publish)
	}
	u.parted(c, fx.left)
	if fx.watch != nil {
		c.Send(u.health, *fx.watch)
	}
	if fx.discover != nil {
		c.Send(u.discoverer, fx.discover)
	}
	if fx.probe != nil {
		c.Send(u.health, *fx.probe)
	}
	for _, event := range fx.events {
		u.deps.Notify(event)
	}
	u.alarm.set(u.pool.wakes(), time.Now())
}

// parted sees to peers that left. The manager sees to the end of their drain,
// because it outlives this actor.
func (u *upstream) parted(c actor.Context, left []*balance.Peer) {
	for _, peer := range left {
		u.deps.Retire(u.name, peer.Addr())
	}
	if len(left) > 0 {
		c.Send(c.Parent(), drainBegan{upstream: u.name})
	}
}

// later returns what sends a message to c's actor after a while.
func later(c actor.Context, message any) func(time.Duration) func() {
	timers, self := scheduler.NewTimerScheduler(c.ActorSystem().Root), c.Self()
	return func(after time.Duration) func() { return timers.SendOnce(after, self, message) }
}
