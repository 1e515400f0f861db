package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// listening is a listener that is open.
type listening struct {
	cfg    config.Listener
	door   *door
	server *nethttp.Server
}

// listeners are the listeners of an instance. One goroutine at a time changes them.
type listeners struct {
	core *proxy.Core
	log  *slog.Logger
	// failed gets the error of a listener that ended by itself.
	failed chan<- error

	open []*listening // in the order of the configuration
	// leaving counts the servers that were replaced or removed and still have
	// clients; leave cuts them.
	leaving sync.WaitGroup
	left    context.Context
	leave   context.CancelFunc
	// linger is how long clients of a removed listener may stay.
	linger time.Duration
}

func newListeners(core *proxy.Core, log *slog.Logger, failed chan<- error) *listeners {
	l := &listeners{core: core, log: log, failed: failed}
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
}

// plan opens the sockets that a list needs and that are not open. Nothing is
// left open when it fails. near takes the next free port where one is taken.
func (l *listeners) plan(ctx context.Context, want []config.Listener, near bool) (*listenerPlan, error) {
	p := &listenerPlan{of: l}
	for i, cfg := range want {
		if open := p.at(cfg.Addr); open != nil {
			same := &listening{cfg: cfg, door: open.door}
			if reflect.DeepEqual(open.cfg, cfg) {
				same.server = open.server
			}
			p.next = append(p.next, same)
			continue
		}
		socket, err := listenTCP(ctx, fmt.Sprintf("listeners[%d].addr", i), cfg.Addr, near)
		if err != nil {
			return nil, errors.Join(err, p.abort())
		}
		d := newDoor(socket)
		p.fresh = append(p.fresh, d)
		p.next = append(p.next, &listening{cfg: cfg, door: d})
	}
	for _, open := range l.open {
		if !p.keeps(open.door) {
			p.gone = append(p.gone, open)
		}
	}
	return p, nil
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
		errs = append(errs, d.close())
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
	for _, gone := range p.gone {
		if err := gone.door.close(); err != nil {
			l.log.Warn("listener cannot be closed", "listener", gone.cfg.Addr, "error", err)
		}
		l.retire(gone, l.linger)
	}
	l.open = p.next
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
	server := nethttp.NewServer(nethttp.ServerConfig{H2C: at.cfg.H2C, Logger: l.log,
		Listener: &proxy.Listener{Name: at.cfg.Addr, Trusted: at.cfg.TrustedProxies, Forwarded: at.cfg.Forwarded, Port: port}}, l.core)
	l.leaving.Go(func() {
		if err := server.Serve(r); err != nil && !errors.Is(err, net.ErrClosed) {
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

// shutdown closes all listeners and waits for their clients; when ctx is done it cuts them.
func (l *listeners) shutdown(ctx context.Context) error {
	defer context.AfterFunc(ctx, l.leave)()
	errs := make([]error, 2*len(l.open))
	var closing sync.WaitGroup
	for i, open := range l.open {
		errs[2*i] = open.door.close()
		closing.Go(func() { errs[2*i+1] = open.server.Shutdown(ctx) })
	}
	closing.Wait()
	l.leaving.Wait()
	l.leave()
	return errors.Join(errs...)
}
