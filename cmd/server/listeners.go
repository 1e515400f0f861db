package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/certs"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
	"github.com/weirproxy/weir/socket"
)

// listening is a listener that is open.
type listening struct {
	cfg    config.Listener
	door   *door
	tls    *certs.Server // nil: no TLS
	server *nethttp.Server
}

// listeners are the listeners of an instance. One goroutine at a time changes them.
type listeners struct {
	core *proxy.Core
	log  *slog.Logger
	// certs has the files of TLS.
	certs *certs.Set
	// passed are the sockets that systemd opened.
	passed *socket.Inherited
	// failed gets the error of a listener that ended by itself.
	failed chan<- error

	open []*listening // in the order of the configuration; only the one who changes them writes
	// shown is open for those who only look.
	shown atomic.Pointer[[]*listening]
	// leaving counts the servers that were replaced or removed and still have
	// clients; leave cuts them.
	leaving sync.WaitGroup
	left    context.Context
	leave   context.CancelFunc
	// linger is how long clients of a removed listener may stay.
	linger time.Duration
}

func newListeners(core *proxy.Core, certs *certs.Set, passed *socket.Inherited, log *slog.Logger, failed chan<- error) *listeners {
	l := &listeners{core: core, certs: certs, passed: passed, log: log, failed: failed}
	l.left, l.leave = context.WithCancel(context.Background())
	return l
}

// listenerPlan is what it takes to come to another list of listeners: its new
// sockets are open, and nothing is in force yet.
type listenerPlan struct {
	of *listeners
	// next are the listeners of the new list; their server is nil where one must be made.
	next []*listening
	// fresh are the doors that were opened for the plan; gone are the listeners that are not in it.
	fresh []*door
	gone  []*listening
	// read are the certificates that were read for the plan.
	read []*certs.Server
}

// plan opens the sockets that a list needs and that are not open. Nothing is
// left open when it fails. near takes the next free port where one is taken.
func (l *listeners) plan(ctx context.Context, want []config.Listener, near bool) (*listenerPlan, error) {
	p := &listenerPlan{of: l}
	for i, cfg := range want {
		if open := p.at(cfg.Addr); open != nil {
			same := &listening{cfg: cfg, door: open.door}
			p.next = append(p.next, same)
			if reflect.DeepEqual(open.cfg, cfg) {
				same.server, same.tls = open.server, open.tls
			} else if err := p.readTLS(i, same); err != nil {
				return nil, errors.Join(err, p.abort())
			}
			continue
		}
		opened, err := l.listen(ctx, fmt.Sprintf("listeners[%d].addr", i), cfg, near)
		if err != nil {
			return nil, errors.Join(err, p.abort())
		}
		fresh := &listening{cfg: cfg, door: newDoor(opened)}
		p.fresh = append(p.fresh, fresh.door)
		p.next = append(p.next, fresh)
		if err := p.readTLS(i, fresh); err != nil {
			return nil, errors.Join(err, p.abort())
		}
	}
	for _, open := range l.open {
		if !p.keeps(open.door) {
			p.gone = append(p.gone, open)
		}
	}
	return p, nil
}

// listen opens the socket of a listener, or takes the one that systemd opened.
func (l *listeners) listen(ctx context.Context, key string, cfg config.Listener, near bool) (*socket.Listener, error) {
	if name, passed := strings.CutPrefix(cfg.Addr, "fd:"); passed {
		passed, err := l.passed.Take(name, cfg.TCP)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		return passed, nil
	}
	return listen(ctx, key, socket.ListenConfig{Addr: cfg.Addr, ReusePort: cfg.ReusePort, TCP: cfg.TCP}, near)
}

// readTLS reads the certificates of a listener, if it has any.
func (p *listenerPlan) readTLS(i int, at *listening) error {
	if !at.cfg.TLS.On() {
		return nil
	}
	server, err := p.of.certs.Server("listener "+at.cfg.Addr, serverOptions(at.cfg.TLS))
	if err != nil {
		return fmt.Errorf("listeners[%d].tls: %w", i, err)
	}
	at.tls = server
	p.read = append(p.read, server)
	return nil
}

// at returns the listener that is open at an address of the configuration and
// not in the plan yet: there may be several with port 0.
func (p *listenerPlan) at(addr string) *listening {
	for _, open := range p.of.open {
		if open.cfg.Addr == addr && !p.keeps(open.door) {
			return open
		}
	}
	return nil
}

func (p *listenerPlan) keeps(d *door) bool {
	for _, next := range p.next {
		if next.door == d {
			return true
		}
	}
	return false
}

// abort closes what the plan opened.
func (p *listenerPlan) abort() error {
	var errs []error
	for _, d := range p.fresh {
		errs = append(errs, d.close(p.of.left))
	}
	for _, server := range p.read {
		server.Close()
	}
	return errors.Join(errs...)
}

// commit puts the plan in force: servers for what is new or changed, and an end
// for what was replaced or removed, once its clients are served.
func (p *listenerPlan) commit() {
	l := p.of
	for _, next := range p.next {
		if next.server == nil {
			replaced := l.behind(next.door)
			next.server = l.serve(next)
			if replaced != nil {
				l.retire(replaced, 0)
			}
		}
	}
	l.shut(p.gone)
	l.open = p.next
	l.shown.Store(&p.next)
}

// shut closes listeners that are not wanted any more. Their addresses are free
// on return.
func (l *listeners) shut(gone []*listening) {
	ctx, cancel := context.WithTimeout(l.left, farewell)
	defer cancel()
	var closing sync.WaitGroup
	for _, at := range gone {
		closing.Go(func() {
			if err := at.door.close(ctx); err != nil {
				l.log.Warn("listener was not closed as it should be", "listener", at.cfg.Addr, "error", err)
			}
			if strings.HasPrefix(at.cfg.Addr, "fd:") {
				l.log.Warn("a socket of systemd is in no listener any more: its clients wait until it is, or weir ends", "listener", at.cfg.Addr)
			}
		})
	}
	closing.Wait()
	for _, at := range gone {
		l.retire(at, l.linger)
	}
}

func (l *listeners) behind(d *door) *listening {
	for _, open := range l.open {
		if open.door == d {
			return open
		}
	}
	return nil
}

// serve starts a server for a listener.
func (l *listeners) serve(at *listening) *nethttp.Server {
	r := at.door.newRoom()
	_, port, _ := net.SplitHostPort(r.Addr().String()) // a TCP address has a port
	server := nethttp.NewServer(serverConfig(at, port, l.log), l.core)
	clients := net.Listener(r)
	if at.cfg.ProxyProtocol.On {
		clients = socket.AcceptProxy(r, at.cfg.ProxyProtocol.Trusted)
	}
	l.leaving.Go(func() {
		if err := server.Serve(clients); err != nil && !errors.Is(err, net.ErrClosed) {
			l.failed <- fmt.Errorf("listener %s: %w", at.cfg.Addr, err)
		}
	})
	at.door.lead(r)
	return server
}

// farewell is how long clients of a server that takes nobody any more may keep
// idle connections: who asks in this time is told to close, and no client sends
// a request into a connection that is being closed under it.
const farewell = 5 * time.Second

// retire ends a server once its clients are served, within linger; 0 = as long
// as they like. The end of the instance cuts them.
func (l *listeners) retire(old *listening, linger time.Duration) {
	if old.tls != nil {
		old.tls.Close() // connections go on with what it has
	}
	ctx, cancel := l.left, context.CancelFunc(func() {})
	if linger > 0 {
		ctx, cancel = context.WithTimeout(ctx, linger)
	}
	l.leaving.Go(func() {
		defer cancel()
		old.server.Drain()
		wait(ctx, farewell)
		if err := old.server.Shutdown(ctx); err != nil {
			l.log.Warn("clients of a listener that was removed were cut", "listener", old.cfg.Addr, "error", err)
		}
	})
}

// addrs returns the addresses in use, in the order of the configuration.
func (l *listeners) addrs() []string {
	addrs := make([]string, len(l.open))
	for i, open := range l.open {
		addrs[i] = open.door.socket.Addr().String()
	}
	return addrs
}

// drain makes every response tell its client to close the connection.
func (l *listeners) drain() {
	for _, open := range l.open {
		open.server.Drain()
	}
}

// lull is how long connections may be silent after drain before they are closed:
// who is in the midst of a series of requests is told to close instead, and
// loses none.
const lull = time.Second

// shutdown closes all listeners and waits for their clients; when ctx is done it
// cuts them. It is called after drain.
func (l *listeners) shutdown(ctx context.Context) error {
	defer context.AfterFunc(ctx, l.leave)()
	quiet, cancel := context.WithTimeout(ctx, lull)
	defer cancel()
	errs := make([]error, 2*len(l.open))
	var closing sync.WaitGroup
	for i, open := range l.open {
		closing.Go(func() {
			errs[2*i] = open.door.close(ctx)
			open.server.AwaitNobody(quiet)
			errs[2*i+1] = open.server.Shutdown(ctx)
		})
	}
	closing.Wait()
	l.leaving.Wait()
	l.leave()
	return errors.Join(append(errs, l.passed.Close())...)
}
