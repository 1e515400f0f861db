package upstream

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// Deps are the collaborators of the manager and of every upstream. All are required.
type Deps struct {
	Registry *balance.Registry
	// Discoverer and Health return the props of an upstream's children. They
	// are called once per upstream; what must outlive an incarnation of the
	// child lives in the props.
	Discoverer func(upstream string) *actor.Props
	Health     func(upstream string) *actor.Props
	// Wrap completes the props of an upstream actor (supervision of its children, crash log).
	Wrap func(*actor.Props) *actor.Props
	// Notify takes events for the notifier.
	Notify func(messages.Event)
	// StopChild stops a child, and any restart of it that is pending.
	StopChild func(actor.Context, *actor.PID)
	Logger    *slog.Logger
}

// Props returns the props of the manager. The supervision of the upstreams, and
// with it how often one may crash before it is parked, is the caller's to set.
func Props(deps Deps) *actor.Props {
	wants, gen := newWants(), new(atomic.Uint64)
	return actor.PropsFromProducer(func() actor.Actor {
		return &manager{deps: deps, wants: wants, gen: gen}
	})
}

// manager starts, stops and parks upstreams.
type manager struct {
	deps  Deps
	wants *wants
	gen   *atomic.Uint64

	closing bool
	roster  *roster
	pids    map[string]*actor.PID // by upstream: its actor, or its caretaker
	names   map[string]string     // by actor id: the upstream
	care    map[string]uint64     // by upstream: generation of its caretaker
}

func (m *manager) Receive(c actor.Context) {
	switch msg := c.Message().(type) {
	case *actor.Started:
		m.roster, m.pids, m.names, m.care = newRoster(), map[string]*actor.PID{}, map[string]string{}, map[string]uint64{}
		for _, spec := range m.wants.all() {
			m.do(c, spec.Name, m.roster.on(spec.Name, ensure))
		}
	case *actor.Stopping, *actor.Restarting:
		m.closing = true
	case *actor.Stopped:
	case *actor.Terminated:
		name, ours := m.names[msg.Who.Id]
		delete(m.names, msg.Who.Id)
		if ours && !m.closing {
			m.do(c, name, m.roster.on(name, ended))
		}
	case messages.EnsureUpstream:
		if !m.wants.set(msg.Spec) {
			m.deps.Notify(messages.UpstreamChanged{Upstream: msg.Spec.Name, Change: messages.UpstreamAdded, At: time.Now()})
		}
		m.do(c, msg.Spec.Name, m.roster.on(msg.Spec.Name, ensure))
	case messages.RemoveUpstream:
		m.wants.drop(msg.Name)
		m.do(c, msg.Name, m.roster.on(msg.Name, remove))
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

// do carries out what the roster says about an upstream.
func (m *manager) do(c actor.Context, name string, todo step) {
	switch todo {
	case nothing:
	case spawn:
		m.spawn(c, name, name, m.deps.Wrap(m.upstreamProps(name)))
	case forward:
		spec, _ := m.wants.get(name)
		c.Send(m.pids[name], messages.EnsureUpstream{Spec: spec})
	case stop:
		delete(m.care, name)
		m.deps.StopChild(c, m.pids[name])
	case withdraw:
		delete(m.pids, name)
		m.deps.Registry.Ref(name).Withdraw()
		m.deps.Notify(messages.UpstreamChanged{Upstream: name, Change: messages.UpstreamRemoved, At: time.Now()})
	case park:
		gen := m.gen.Add(1)
		m.care[name] = gen
		// A dot is not part of any upstream's name.
		m.spawn(c, name, name+".caretaker", m.deps.Health(name))
		spec, _ := m.wants.get(name)
		const detail = "its actor crashed again and again; a change of its configuration wakes it"
		m.perform(c, name, parkUpstream(m.deps.Registry.Ref(name), spec, gen, detail, time.Now()))
	}
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
	switch m.roster.phaseOf(upstream) {
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

// upstreamProps makes the props of an upstream's actor. The props of its
// children are made here too, so that what they keep outlives its incarnations.
func (m *manager) upstreamProps(name string) *actor.Props {
	deps, wants, gen := m.deps, m.wants, m.gen
	discoverer, health := deps.Discoverer(name), deps.Health(name)
	return actor.PropsFromProducer(func() actor.Actor {
		return &upstream{name: name, deps: deps, wants: wants, gen: gen, discovererProps: discoverer, healthProps: health}
	})
}

// ringsBuilt carries new rings to the upstream that wanted them.
type ringsBuilt struct{ rings *balance.Placement }

// upstream runs a pool.
type upstream struct {
	name                         string
	deps                         Deps
	wants                        *wants
	gen                          *atomic.Uint64
	discovererProps, healthProps *actor.Props

	pool               *pool
	discoverer, health *actor.PID
	// building is closed when the rings under way are done; nil = none are.
	// next are the members to build for after that.
	building chan struct{}
	next     []balance.Member
}

func (u *upstream) Receive(c actor.Context) {
	now := time.Now()
	if _, ours := c.Message().(messages.Message); ours && u.pool == nil {
		return // removed before it began
	}
	switch msg := c.Message().(type) {
	case *actor.Started:
		u.start(c, now)
	case *actor.Stopping, *actor.Restarting:
		if u.building != nil {
			<-u.building
		}
	case *actor.Stopped, *actor.Terminated: // children end only with their upstream: their supervision never gives up
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
		u.building = nil
		if u.next != nil {
			u.build(c, u.next)
			return
		}
		u.perform(c, u.pool.ringsBuilt(msg.rings, now))
	default:
		u.deps.Logger.Warn("message not understood", "actor", c.Self().Id, "message", actor.MessageType(msg))
	}
}

// start begins an incarnation: adopt what is known, serve it, start the children.
func (u *upstream) start(c actor.Context, now time.Time) {
	spec, wanted := u.wants.get(u.name)
	if !wanted {
		return // removed in this moment; the manager is about to stop us
	}
	u.pool = newPool(u.deps.Registry.Ref(u.name), spec, u.gen.Add(1))
	u.discoverer = u.child(c, u.discovererProps, "discoverer")
	u.health = u.child(c, u.healthProps, "health")
	c.Send(u.discoverer, messages.Discover{Spec: spec, Gen: u.pool.gen})
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
		u.build(c, fx.build)
	}
	if fx.publish != nil {
		u.pool.ref.Publish(fx.publish)
	}
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
}

// build makes rings outside the actor, one set at a time; the latest wins.
func (u *upstream) build(c actor.Context, members []balance.Member) {
	u.next = nil
	if u.building != nil {
		u.next = members
		return
	}
	done, root, self := make(chan struct{}), c.ActorSystem().Root, c.Self()
	u.building = done
	go func() {
		defer close(done)
		root.Send(self, ringsBuilt{rings: balance.NewPlacement(members)})
	}()
}
