package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/actors"
	"github.com/weirproxy/weir/actors/notifier"
	"github.com/weirproxy/weir/admin"
	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/socket"
	"github.com/weirproxy/weir/verdicts"
)

// options are what the commands set differently.
type options struct {
	// open lets anonymous clients change things; for the demo.
	open bool
	// nearPorts takes the next free port where one is taken. Listeners of
	// `proxy` are always strict: strictListeners.
	nearPorts, strictListeners bool
	logger                     *slog.Logger
	// level changes the logger's level; nil = it stays.
	level *slog.LevelVar
	// sources are the files of the configuration, read again when their content
	// changes, on a hangup and when the operator asks; the zero value = there are
	// none. env is what their ${NAMES} stand for.
	sources config.Sources
	env     config.Lookup
	hangups <-chan os.Signal
}

// weir is a running instance: everything is wired together here.
type weir struct {
	// cfg is what it began with; what is in force by now, reloads knows.
	cfg  *config.Config
	log  *slog.Logger
	bus  *bus.Bus
	feed *notifier.Feed
	// registry outlives actors; started is when this process began to serve.
	registry *balance.Registry
	started  time.Time
	core     *proxy.Core
	system   *actors.System
	outbox   *outbox
	finders  *finders
	// keeper has the verdicts over a restart.
	keeper    *verdicts.Keeper
	listeners *listeners
	// addrs are the addresses that were in use when it began.
	addrs     []string
	own       ownAddrs
	certs     *certificates
	admin     *admin.Server
	adminAddr string
	reloads   *reloader

	desired  atomic.Pointer[messages.Desired]
	applied  chan error
	draining atomic.Bool
	serving  sync.WaitGroup
	// failed gets the error of a server that ended by itself.
	failed chan error
}

// start brings an instance up. On return it serves, or nothing of it is left.
func start(ctx context.Context, cfg *config.Config, opts options) (*weir, error) {
	w := &weir{cfg: cfg, log: opts.logger, started: time.Now(), applied: make(chan error, 1), failed: make(chan error, len(cfg.Listeners)+1)}
	w.registry, w.feed = balance.NewRegistry(), notifier.NewFeed(1000)
	w.core = proxy.New(proxy.Deps{Registry: w.registry, NewPeerCodec: w.newPeerCodec, NewFinder: w.newFinder,
		Suspect: func(m messages.Suspected) { w.system.Suspect(m) }, Logger: w.log, AccessLog: cfg.Log.Access})
	w.certs = newCertificates(func(e messages.Event) { w.system.Notify(e) }, w.log)
	passed, err := socket.Inherit()
	if err != nil {
		return nil, err
	}
	w.listeners = newListeners(w.core, w.certs.set, passed, w.log, w.failed)
	w.reloads = newReloader(w, opts)
	if err := w.startAll(ctx, opts); err != nil {
		return nil, errors.Join(err, w.stop(context.WithoutCancel(ctx)))
	}
	return w, nil
}

// startAll opens the ports first: a taken one is the most common mistake, and
// costs nothing yet. What the last process knew of its peers is there before
// the listeners' doors open.
func (w *weir) startAll(ctx context.Context, opts options) (err error) {
	plan, err := w.listeners.plan(ctx, w.cfg.Listeners, opts.nearPorts && !opts.strictListeners)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, plan.abort())
		}
	}()
	adminListener, err := w.listenAdmin(ctx, opts)
	if err != nil {
		return err
	}
	defer func() {
		if w.admin == nil {
			err = errors.Join(err, adminListener.Close()) // nobody serves it
		}
	}()
	if err := w.remember(); err != nil {
		return err
	}
	token, err := w.operatorToken(opts)
	if err != nil {
		return err
	}
	if w.finders, err = newFinders(w.cfg, w.log); err != nil {
		return err
	}
	files, err := w.certs.plan(w.cfg.Desired.Upstreams)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return w.startBus(opts, token) },
		w.startActors,
		func() error { return w.serveAdmin(adminListener, opts, token) },
		func() error { w.noteRunning(token); return nil },
		func() error { return w.apply(ctx, w.cfg.Desired) },
		w.serveState,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	w.listeners.besides = []place{{key: "admin.addr", addr: w.adminAddr, at: w.adminAddr}, placeOfNATS(w.bus.Addr())}
	plan.commit()
	w.addrs = w.listeners.addrs()
	w.noteOwn()
	tidyMemory(w.cfg)
	files.commit()
	w.certs.start()
	w.reloads.start(opts.hangups)
	w.finders.follow(w.system.Apply)
	return nil
}

// noteOwn notes where this weir listens, once that changed.
func (w *weir) noteOwn() {
	w.own.set(append(w.listeners.addrs(), w.adminAddr, w.bus.Addr()))
}

// noteRunning leaves word of where weir can be asked, for commands on this machine.
func (w *weir) noteRunning(token string) {
	if err := noteRunning(w.cfg.DataDir, running{Admin: w.adminAddr, Token: token}); err != nil {
		w.log.Warn("commands will find this weir by the configuration file alone", "error", err)
	}
}

// newFinder makes the finder of a transparent upstream.
func (w *weir) newFinder(d messages.Discovery) (proxy.Finder, error) {
	return destinations{w.finders.open, &w.own}.newFinder(d)
}

func (w *weir) listenAdmin(ctx context.Context, opts options) (net.Listener, error) {
	if path, unix := strings.CutPrefix(w.cfg.Admin.Addr, "unix:"); unix {
		w.adminAddr = w.cfg.Admin.Addr
		l, err := admin.ListenUnix(path)
		if err != nil {
			return nil, fmt.Errorf("admin.addr: %w", err)
		}
		return l, nil
	}
	l, err := listenTCP(ctx, "admin.addr", w.cfg.Admin.Addr, opts.nearPorts)
	if err != nil {
		return nil, err
	}
	w.adminAddr = l.Addr().String()
	return l, nil
}

// operatorToken returns the token that allows changes; in an open instance none is needed.
func (w *weir) operatorToken(opts options) (string, error) {
	if opts.open {
		return "", nil
	}
	if token := w.cfg.Auth.OperatorToken.Reveal(); token != "" {
		return token, nil
	}
	token, created, err := bus.EnsureOperatorToken(w.cfg.DataDir)
	if errors.Is(err, bus.ErrTokenUnsaved) {
		w.log.Warn("changes need an operator token that only this process knows, until there is room and weir starts again", "error", err)
		return token, nil
	}
	if err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	if created {
		w.log.Info("operator token made", "file", w.cfg.DataDir+"/operator.token")
	}
	return token, nil
}

func (w *weir) startActors() error {
	incarnation := make([]byte, 8)
	_, _ = rand.Read(incarnation) // never fails
	told := notifier.Config{Prefix: w.cfg.NATS.Prefix, Member: w.cfg.Member, Incarnation: hex.EncodeToString(incarnation),
		Outbox: notifier.OutboxConfig{Entries: outboxEntries, Duplicates: duplicatesOf(w.cfg)}}
	w.outbox = w.startOutbox(told)
	system, err := actors.Start(actors.Config{}, actors.Deps{
		Registry: w.registry, Source: w.finders.source, Prepare: w.core.Prepare, Applied: w.onApplied, Retire: w.core.Retire, Cut: w.core.Cut,
		Notifier:     told,
		NotifierDeps: notifier.Deps{Publish: w.bus.Publish, Outbox: w.outbox.Outbox, Feed: w.feed, Logger: w.log},
		Logger:       w.log,
	})
	if err != nil {
		return err
	}
	w.system = system
	return nil
}

// apply hands a desired state to control and waits until it is in force, or refused.
func (w *weir) apply(ctx context.Context, desired messages.Desired) error {
	w.system.Apply(desired)
	select {
	case err := <-w.applied:
		if err != nil {
			return fmt.Errorf("apply the configuration: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// onApplied takes the outcome of what a layer desired.
func (w *weir) onApplied(desired messages.Desired, err error) {
	if err == nil {
		w.tellShadowed(desired.Shadowed, w.desired.Swap(&desired))
	}
	if desired.Layer == messages.LayerLabels {
		if err != nil {
			w.log.Error("what labels of containers ask for is refused", "error", err)
		}
		return
	}
	select {
	case w.applied <- err:
	default: // nobody waits
	}
}

// tellShadowed logs what is newly not in force because another layer hides it.
func (w *weir) tellShadowed(now messages.List[messages.Shadowed], last *messages.Desired) {
	for _, h := range now.All() {
		if last != nil && slices.Contains(last.Shadowed.Slice(), h) {
			continue
		}
		w.log.Warn(h.Kind+" is not in force", "name", h.Name, "layer", string(h.Layer), "by", string(h.By), "detail", h.Detail)
	}
}

// stop ends the instance in the order in which nothing is lost: tell clients
// and balancers, wait for requests, stop the actors, leave NATS.
func (w *weir) stop(ctx context.Context) error {
	w.draining.Store(true)
	w.reloads.close() // first: nothing changes any more
	w.certs.close()
	shutdown := w.reloads.running.Load().Shutdown
	w.listeners.drain()
	if len(w.listeners.open) > 0 {
		wait(ctx, shutdown.Delay)
	}
	ctx, cancel := context.WithTimeout(ctx, shutdown.Timeout)
	defer cancel()
	errs := []error{w.listeners.shutdown(ctx)}
	// What is left gets its own time: requests may have used all of theirs.
	rest, cancelRest := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancelRest()
	if w.finders != nil {
		w.finders.cancel() // looks under way end
	}
	if w.system != nil {
		errs = append(errs, w.system.Stop(rest))
	}
	if w.finders != nil {
		w.finders.stop()
	}
	if w.outbox != nil {
		w.outbox.end(rest, w.bus.StoreReady()) // the notifier has told all there is
	}
	w.core.Close()
	if w.bus != nil {
		errs = append(errs, w.bus.Close(rest))
	}
	if w.admin != nil {
		errs = append(errs, w.admin.Shutdown(rest))
	}
	if w.keeper != nil {
		forgetRunning(w.cfg.DataDir) // while the directory is ours
		errs = append(errs, w.keeper.Close())
	}
	w.serving.Wait()
	return errors.Join(errs...)
}

// wait returns after d, or when ctx is done.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// metricSources are what /metrics asks.
func (w *weir) metricSources() []meter.Source {
	return []meter.Source{w.core, w.system, w.bus, w.feed, w.outbox, w.reloads, w.finders, w.certs, w.listeners}
}
