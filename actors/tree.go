package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weirproxy/weir/actors/control"
	"github.com/weirproxy/weir/actors/discovery"
	"github.com/weirproxy/weir/actors/health"
	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/actors/upstream"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
)

// ErrNotStopped is returned when actors did not stop in time; they end with the process.
var ErrNotStopped = errors.New("actors did not stop in time")

// Config sets the tree up.
type Config struct {
	// Upstreams is the back-off of upstreams; GiveUp is after how many crashes
	// within Window one is parked. Zero = DefaultUpstreamBackoff.
	Upstreams Backoff
	// Others is the back-off of all other actors; GiveUp is ignored. Zero = DefaultBackoff.
	Others Backoff
	// ProbesInFlight caps the probes of the process; 0 = health.DefaultCap.
	ProbesInFlight int
}

// DefaultUpstreamBackoff restarts after 50 ms, doubling to 5 s, and parks an
// upstream at the fifth crash within a minute.
func DefaultUpstreamBackoff() Backoff {
	return Backoff{First: 50 * time.Millisecond, Max: 5 * time.Second, Window: time.Minute, GiveUp: 5}
}

// DefaultBackoff restarts after 50 ms, doubling to 30 s.
func DefaultBackoff() Backoff {
	return Backoff{First: 50 * time.Millisecond, Max: 30 * time.Second, Window: 2 * time.Minute}
}

// Deps are the collaborators of the tree.
type Deps struct {
	Registry *balance.Registry
	// Prepare builds routes for the data path, or refuses them; commit puts them in force.
	Prepare func(messages.Desired) (commit func(), err error)
	// Source finds the peers of all upstreams. Required.
	Source discovery.Source
	// Applied is told the outcome of each Apply; nil = nobody.
	Applied func(messages.Desired, error)
	// Notifier is told all events.
	Notifier     notifier.Config
	NotifierDeps notifier.Deps
	// Retire asks the data path to close idle connections to a peer that left its
	// upstream, Cut to end all it has with a peer whose drain_timeout is over. They
	// must not block; nil = nobody is asked.
	Retire, Cut func(upstream, addr string)
	Logger      *slog.Logger
	// Middleware sees every message of every actor first; for tests that crash actors.
	Middleware []actor.ReceiverMiddleware
}

// System is the running tree.
type System struct {
	actors      *actor.ActorSystem
	root        *actor.PID
	notifier    atomic.Pointer[actor.PID]
	control     *actor.PID
	upstreams   *actor.PID
	supervision *supervision
	probes      *health.Stats
	gate        *health.Gate
}

// Start builds and starts the tree.
func Start(cfg Config, deps Deps) (*System, error) {
	if cfg.Upstreams == (Backoff{}) {
		cfg.Upstreams = DefaultUpstreamBackoff()
	}
	if cfg.Others == (Backoff{}) {
		cfg.Others = DefaultBackoff()
	}
	cfg.Others.GiveUp = 0
	if deps.Applied == nil {
		deps.Applied = func(messages.Desired, error) {}
	}
	s := &System{probes: health.NewStats(), gate: health.NewGate(cfg.ProbesInFlight)}
	s.actors = actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
			return slog.New(demoted{deps.Logger.Handler()}).With("lib", "protoactor")
		}),
		actor.WithDeadLetterRequestLogging(false),
		// Each burst of dead letters costs a goroutine for this long; they are logged at debug only.
		actor.WithDeadLetterThrottleInterval(10*time.Millisecond),
	)
	s.supervision = newSupervision(s.notify)
	b := &builder{cfg: cfg, deps: deps, system: s, memory: upstream.NewMemory(deps.Registry)}
	started := make(chan error, 1)
	props := b.wrap(actor.PropsFromProducer(func() actor.Actor {
		return &guardian{build: b.children, started: started}
	}), "system", cfg.Others).Clone(actor.WithGuardian(s.supervision.strategy("system", cfg.Others)))
	pid, err := s.actors.Root.SpawnNamed(props, "system")
	if err != nil {
		return nil, fmt.Errorf("start the actors: %w", err)
	}
	s.root = pid
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start the actors: %w", err), s.actors.Root.StopFuture(pid).Wait())
	}
	deps.Registry.OnStarving(func(name string) { s.actors.Root.Send(s.upstreams, messages.Starving{Upstream: name}) })
	return s, nil
}

// Apply asks for the desired state; Deps.Applied tells the outcome.
func (s *System) Apply(desired messages.Desired) { s.actors.Root.Send(s.control, desired) }

// Suspect reports that a request to a peer failed.
func (s *System) Suspect(m messages.Suspected) { s.actors.Root.Send(s.upstreams, m) }

// Notify tells the notifier of something that happened outside of the tree.
func (s *System) Notify(event messages.Event) { s.notify(event) }

// Tell sends a message to the actor with the given id ("system/upstreams/api"),
// for tests and for looking inside.
func (s *System) Tell(id string, message any) {
	s.actors.Root.Send(s.actors.NewLocalPID(id), message)
}

// Stop stops every actor, and waits until ctx is done at most: first control,
// then the upstreams, then the notifier once it has told what they said, then
// the system.
func (s *System) Stop(ctx context.Context) error {
	root := s.actors.Root
	for _, end := range []func() actor.Future{
		func() actor.Future { return root.StopFuture(s.control) },
		func() actor.Future { return root.StopFuture(s.upstreams) },
		func() actor.Future { return root.PoisonFuture(s.notifier.Load()) },
		func() actor.Future { return root.StopFuture(s.root) },
	} {
		if err := await(ctx, end()); err != nil {
			return err
		}
	}
	s.actors.Shutdown()
	return nil
}

// await waits for the end of an actor. A future is over after 10 s by itself,
// and with it the goroutine here.
func await(ctx context.Context, future actor.Future) error {
	stopped := make(chan error, 1)
	go func() { stopped <- future.Wait() }()
	select {
	case err := <-stopped:
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrNotStopped, future.PID(), err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotStopped, ctx.Err())
	}
}

// Collect emits the metrics of the tree.
func (s *System) Collect(emit func(meter.Sample)) {
	for kind, n := range s.supervision.counts() {
		emit(meter.Sample{Name: "weir_actor_restarts_total", Help: "Actors restarted after a crash, by kind.", Kind: meter.Counter,
			Labels: []meter.Label{{Name: "actor", Value: kind}}, Value: float64(n)})
	}
	s.probes.Collect(emit)
	s.gate.Collect(emit)
}

// notify sends an event to the notifier. Before the notifier runs there is nobody to tell.
func (s *System) notify(event messages.Event) {
	if pid := s.notifier.Load(); pid != nil {
		s.actors.Root.Send(pid, event)
	}
}

// builder makes the props of every actor and ties them together.
type builder struct {
	cfg    Config
	deps   Deps
	system *System
	memory *upstream.Memory

	notifierProps, upstreamsProps, controlProps *actor.Props
}

// children spawns the children of the system actor, in the order in which they
// need each other. The props are made once: what they keep outlives even a
// crash of the system actor, and a PID means whoever has the name.
func (b *builder) children(c actor.Context) error {
	s, first := b.system, b.notifierProps == nil
	if first {
		b.notifierProps = b.wrap(notifier.Props(b.deps.Notifier, b.deps.NotifierDeps), "", b.cfg.Others)
		b.upstreamsProps = b.wrap(upstream.Props(upstream.Deps{
			Registry: b.deps.Registry, Memory: b.memory, Discoverer: b.discoverer, Health: b.health, Wrap: b.upstream,
			Notify: s.notify, StopChild: s.supervision.stop, Retire: b.deps.Retire, Cut: b.deps.Cut, Logger: b.deps.Logger,
		}), "upstream", b.cfg.Upstreams)
	}
	notifierPID, err := c.SpawnNamed(b.notifierProps, "notifier")
	if err != nil {
		return err
	}
	upstreams, err := c.SpawnNamed(b.upstreamsProps, "upstreams")
	if err != nil {
		return err
	}
	if first {
		s.notifier.Store(notifierPID)
		s.upstreams = upstreams
		b.controlProps = b.wrap(control.Props(control.Deps{
			Upstreams: upstreams, Want: b.memory.Want, Unwant: b.memory.Unwant, Prepare: b.deps.Prepare, Applied: b.deps.Applied,
			Logger: b.deps.Logger,
		}), "", b.cfg.Others)
	}
	controlPID, err := c.SpawnNamed(b.controlProps, "control")
	if err == nil && first {
		s.control = controlPID
	}
	return err
}

// wrap adds the crash log and the supervision of the children, which are of kind childKind.
func (b *builder) wrap(props *actor.Props, childKind string, children Backoff) *actor.Props {
	return props.Clone(
		actor.WithReceiverMiddleware(append([]actor.ReceiverMiddleware{crashLog(b.deps.Logger, b.system.supervision)}, b.deps.Middleware...)...),
		actor.WithSupervisor(b.system.supervision.strategy(childKind, children)),
	)
}

func (b *builder) upstream(props *actor.Props) *actor.Props {
	return b.wrap(props, "upstream_child", b.cfg.Others)
}

func (b *builder) discoverer(string) *actor.Props {
	registry := b.deps.Registry
	record := func(upstream string, r balance.DiscoveryRecord) { registry.Ref(upstream).RecordDiscovery(r) }
	return b.wrap(discovery.Props(discovery.Deps{Source: b.deps.Source, Record: record, Logger: b.deps.Logger}), "", b.cfg.Others)
}

func (b *builder) health(name string) *actor.Props {
	ref := b.deps.Registry.Ref(name)
	props := health.Props(health.Config{Upstream: name}, health.Deps{
		Gate: b.system.gate, StopChild: b.system.supervision.stop, Stats: b.system.probes, Logger: b.deps.Logger,
		Record: func(_, addr string, r balance.ProbeRecord) {
			if peer, known := ref.Known(addr); known { // it may have left: a late result brings nobody back
				peer.RecordProbe(r)
			}
		},
		WrapProber: func(p *actor.Props) *actor.Props { return b.wrap(p, "", b.cfg.Others) },
	})
	return b.wrap(props, "prober", b.cfg.Others)
}

// guardian is the system actor. Its children are restarted for ever by their
// supervision, and it by its own, so it has nothing to do but to start them.
type guardian struct {
	build func(actor.Context) error
	// started is told the outcome of the first start.
	started chan error
}

func (g *guardian) Receive(c actor.Context) {
	if _, ok := c.Message().(*actor.Started); !ok {
		return
	}
	err := g.build(c)
	select {
	case g.started <- err: // the first start
	default:
		if err != nil {
			panic(err) // tried again, later
		}
	}
}
