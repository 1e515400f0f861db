package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	// linger is how long clients of a removed listener may stay; 0 = they are cut at once.
	linger time.Duration
	// besides are the other addresses of this weir.
	besides []place
}

func newListeners(core *proxy.Core, certs *certs.Set, passed *socket.Inherited, log *slog.Logger, failed chan<- error) *listeners {
	l := &listeners{core: core, certs: certs, passed: passed, log: log, failed: failed}
	l.left, l.leave = context.WithCancel(context.Background())
	return l
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
		clients = socket.AcceptProxy(r, socket.ProxyRules{Trusted: at.cfg.ProxyProtocol.Trusted, Timeout: at.cfg.Limits.HeadTimeout,
			Refused: func(remote net.Addr, err error) { at.door.refusals.note(l.log, at.cfg.Addr, remote, err) }})
	}
	l.leaving.Go(func() {
		if err := server.Serve(clients); err != nil && !errors.Is(err, net.ErrClosed) {
			l.fail(fmt.Errorf("listener %s: %w", at.cfg.Addr, err))
		}
	})
	at.door.lead(r)
	return server
}

// fail ends weir for err, unless it ends for another one already.
func (l *listeners) fail(err error) {
	select {
	case l.failed <- err:
	default:
		l.log.Error("server failed", "error", err)
	}
}

// farewell is how long clients of a server that takes nobody any more may keep
// idle connections: who asks in this time is told to close, and no client sends
// a request into a connection that is being closed under it.
const farewell = 5 * time.Second

// forever lets clients of a server that was replaced stay as long as they like.
const forever time.Duration = -1

// retire ends a server once its clients are served, within linger, or forever. The
// end of the instance cuts them.
func (l *listeners) retire(old *listening, linger time.Duration) {
	if old.tls != nil {
		old.tls.Close() // connections go on with what it has
	}
	ctx, cancel := l.left, context.CancelFunc(func() {})
	if linger != forever {
		ctx, cancel = context.WithTimeout(ctx, linger)
	}
	l.leaving.Go(func() {
		defer cancel()
		old.server.Drain()
		idle, stop := context.WithTimeout(ctx, farewell)
		old.server.AwaitNobody(idle)
		stop()
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

// end shuts a server down. That clients are cut after shutdown.timeout is what the
// operator wants, and no failure.
func (l *listeners) end(ctx context.Context, at *listening) error {
	err := at.server.Shutdown(ctx)
	if errors.Is(err, nethttp.ErrUnfinished) {
		l.log.Warn("clients were cut at the end of shutdown.timeout", "listener", at.cfg.Addr, "error", err)
		return nil
	}
	return err
}

// closeDoor closes a socket, likewise.
func (l *listeners) closeDoor(ctx context.Context, at *listening) error {
	err := at.door.close(ctx)
	if err != nil && ctx.Err() != nil {
		l.log.Warn("those who waited to be accepted were cut at the end of shutdown.timeout", "listener", at.cfg.Addr, "error", err)
		return nil
	}
	return err
}

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
			errs[2*i] = l.closeDoor(ctx, open)
			open.server.AwaitNobody(quiet)
			errs[2*i+1] = l.end(ctx, open)
		})
	}
	closing.Wait()
	l.leaving.Wait()
	l.leave()
	return errors.Join(append(errs, l.passed.Close())...)
}
