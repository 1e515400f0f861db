package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/weirproxy/weir/certs"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/socket"
)

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
		key := fmt.Sprintf("listeners[%d].addr", i)
		opened, err := l.listen(ctx, key, cfg, near)
		if err != nil {
			return nil, errors.Join(p.blame(err, key, cfg.Addr), p.abort())
		}
		fresh := &listening{cfg: cfg, door: newDoor(opened, l.cannotAccept(cfg.Addr))}
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

// cannotAccept returns what tells of it.
func (l *listeners) cannotAccept(listener string) func(error) {
	return func(err error) {
		l.log.Warn("clients cannot be accepted for now", "listener", listener, "error", err)
	}
}

// blame replaces the error of an address that is taken when it is weir itself who
// has it, or has the port at other addresses of which some are wanted, or the other
// way round.
func (p *listenerPlan) blame(err error, key, addr string) error {
	if !errors.Is(err, socket.ErrInUse) {
		return err
	}
	for _, open := range p.of.open {
		if overlap(addr, open.door.socket.Addr().String()) {
			return fmt.Errorf("%s: %s cannot be opened while this weir listens at %s: remove that in a reload of its own first, or restart", key, addr, open.cfg.Addr)
		}
	}
	for _, b := range p.of.besides {
		if addr == b.addr || overlap(addr, b.at) {
			return fmt.Errorf("%s: %s cannot be opened while this weir has %s for %s, which changes only with a restart", key, addr, b.addr, b.key)
		}
	}
	return err
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
				l.retire(replaced, forever)
			}
		}
	}
	l.shut(p.gone)
	l.open = p.next
	l.shown.Store(&p.next)
}
