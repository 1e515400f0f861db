package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	"github.com/weirproxy/weir/proxy/nethttp"
)

// options are what the commands set differently.
type options struct {
	// open lets anonymous clients change things; for the demo.
	open bool
	// nearPorts takes the next free port where one is taken. Listeners of
	// `proxy` are always strict: strictListeners.
	nearPorts, strictListeners bool
	logger                     *slog.Logger
}

// weir is a running instance: everything is wired together here.
type weir struct {
	cfg  *config.Config
	log  *slog.Logger
	bus  *bus.Bus
	feed *notifier.Feed
	// registry outlives actors; started is when this process began to serve.
	registry *balance.Registry
	started  time.Time
	core     *proxy.Core
	system   *actors.System
	servers  []*nethttp.Server
	// listeners are the addresses in use, in the order of cfg.Listeners.
	listeners []string
	admin     *admin.Server
	adminAddr string

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
	if err := w.startAll(ctx, opts); err != nil {
		return nil, errors.Join(err, w.stop(context.WithoutCancel(ctx)))
	}
	return w, nil
}

func (w *weir) startAll(ctx context.Context, opts options) error {
	// Ports first: a taken one is the most common mistake, and costs nothing yet.
	listeners, err := w.listen(ctx, opts)
	if err != nil {
		return err
	}
	release := func() {
		for _, l := range listeners {
			_ = l.Close() // never served
		}
	}
	adminListener, err := w.listenAdmin(ctx, opts)
	if err != nil {
		release()
		return err
	}
	listeners = append(listeners, adminListener)
	token, err := w.operatorToken(opts)
	if err == nil {
		err = w.startBus(opts, token)
	}
	if err != nil {
		release()
		return err
	}
	if err := w.startActors(); err != nil {
		release()
		return err
	}
	if err := w.serveAdmin(adminListener, opts, token); err != nil {
		release()
		return err
	}
	if err := w.apply(ctx); err != nil {
		release()
		return err
	}
	w.serve(listeners[:len(listeners)-1])
	return nil
}

// listen opens the listeners' addresses.
func (w *weir) listen(ctx context.Context, opts options) ([]net.Listener, error) {
	var open []net.Listener
	for i, listener := range w.cfg.Listeners {
		key := fmt.Sprintf("listeners[%d].addr", i)
		l, err := listenTCP(ctx, key, listener.Addr, opts.nearPorts && !opts.strictListeners)
		if err != nil {
			for _, l := range open {
				_ = l.Close() // never served
			}
			return nil, err
		}
		open = append(open, l)
		w.listeners = append(w.listeners, l.Addr().String())
	}
	return open, nil
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
	if err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	if created {
		w.log.Info("operator token made", "file", w.cfg.DataDir+"/operator.token")
	}
	return token, nil
}

func (w *weir) startBus(opts options, token string) error {
	addr := w.cfg.NATS.Addr
	if opts.nearPorts {
		l, err := listenTCP(context.Background(), "nats.addr", addr, true)
		if err != nil {
			return err
		}
		addr = l.Addr().String()
		if err := l.Close(); err != nil {
			return fmt.Errorf("nats.addr: %w", err)
		}
	}
	b, err := bus.Start(bus.Config{Addr: addr, Prefix: w.cfg.NATS.Prefix, Dir: w.cfg.DataDir, Member: w.cfg.Member,
		OperatorToken: token, Open: opts.open, Logger: w.log})
	if err != nil {
		return busError(addr, err)
	}
	w.bus = b
	return nil
}

// busError names the key that an error of the bus has to do with.
func busError(addr string, err error) error {
	switch {
	case errors.Is(err, bus.ErrAddrTaken):
		return fmt.Errorf("nats.addr: %s is taken by another process; stop it, or set nats.addr to a free address", addr)
	case errors.Is(err, bus.ErrAddrForbidden), errors.Is(err, bus.ErrAddr):
		return fmt.Errorf("nats.addr: %w", err)
	case errors.Is(err, bus.ErrLocked), errors.Is(err, bus.ErrForeignStore), errors.Is(err, bus.ErrStore):
		return fmt.Errorf("data_dir: %w", err)
	}
	return fmt.Errorf("start NATS: %w", err)
}

func (w *weir) startActors() error {
	w.registry = balance.NewRegistry()
	w.feed = notifier.NewFeed(1000)
	w.core = proxy.New(proxy.Deps{Registry: w.registry, NewPeerCodec: nethttp.NewPeerCodec,
		Suspect: func(m messages.Suspected) { w.system.Suspect(m) }, Logger: w.log, AccessLog: w.cfg.Log.Access})
	incarnation := make([]byte, 8)
	_, _ = rand.Read(incarnation) // never fails
	system, err := actors.Start(actors.Config{}, actors.Deps{
		Registry: w.registry, Prepare: w.core.Prepare, Applied: w.onApplied,
		Notifier:     notifier.Config{Prefix: w.cfg.NATS.Prefix, Member: w.cfg.Member, Incarnation: hex.EncodeToString(incarnation)},
		NotifierDeps: notifier.Deps{Publish: w.bus.Publish, Feed: w.feed, Logger: w.log},
		Logger:       w.log,
	})
	if err != nil {
		return err
	}
	w.system = system
	return nil
}

// apply hands the configuration to control and waits until it is in force.
func (w *weir) apply(ctx context.Context) error {
	w.system.Apply(w.cfg.Desired)
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

func (w *weir) onApplied(desired messages.Desired, err error) {
	if err == nil {
		w.desired.Store(&desired)
	}
	select {
	case w.applied <- err:
	default: // nobody waits
	}
}

func (w *weir) serve(listeners []net.Listener) {
	for i, l := range listeners {
		cfg := w.cfg.Listeners[i]
		_, port, _ := net.SplitHostPort(l.Addr().String())
		server := nethttp.NewServer(nethttp.ServerConfig{H2C: cfg.H2C, Logger: w.log,
			Listener: &proxy.Listener{Name: cfg.Addr, Trusted: cfg.TrustedProxies, Forwarded: cfg.Forwarded, Port: port}}, w.core)
		w.servers = append(w.servers, server)
		w.serving.Go(func() {
			if err := server.Serve(l); err != nil {
				w.failed <- fmt.Errorf("listener %s: %w", cfg.Addr, err)
			}
		})
	}
}

// stop ends the instance in the order in which nothing is lost: tell clients
// and balancers, wait for requests, stop the actors, leave NATS.
func (w *weir) stop(ctx context.Context) error {
	w.draining.Store(true)
	for _, server := range w.servers {
		server.Drain()
	}
	if len(w.servers) > 0 {
		wait(ctx, w.cfg.Shutdown.Delay)
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Shutdown.Timeout)
	defer cancel()
	var errs []error
	var closing sync.WaitGroup
	closed := make([]error, len(w.servers))
	for i, server := range w.servers {
		closing.Go(func() { closed[i] = server.Shutdown(ctx) })
	}
	closing.Wait()
	errs = append(errs, closed...)
	// What is left gets its own time: requests may have used all of theirs.
	rest, cancelRest := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancelRest()
	if w.system != nil {
		errs = append(errs, w.system.Stop(rest))
	}
	if w.core != nil {
		w.core.Close()
	}
	if w.bus != nil {
		errs = append(errs, w.bus.Close(rest))
	}
	if w.admin != nil {
		errs = append(errs, w.admin.Shutdown(rest))
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
	return []meter.Source{w.core, w.system, w.bus, w.feed}
}
