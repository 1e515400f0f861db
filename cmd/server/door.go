package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/weirproxy/weir/proxy/nethttp"
)

// door has the socket of one listener for as long as its address is wanted. The
// server behind it can be replaced without a moment in which nobody accepts:
// each server listens at a room, and the door leads to one room at a time.
type door struct {
	socket  graceful
	opening sync.Once
	closing chan struct{} // closed when the socket is
	done    chan struct{} // closed when nobody accepts any more
	// clients and refusals count those who came, whichever room they are in.
	clients  *nethttp.Clients
	refusals refusals
	// trouble is told, at most each second, why nobody could be accepted for now.
	trouble func(error)

	mu     sync.Mutex
	behind *room
}

// graceful is a socket that can be closed without losing those in its queue, as
// long as somebody accepts: see socket.Listener.
type graceful interface {
	net.Listener
	CloseGracefully(ctx context.Context) error
}

func newDoor(socket graceful, trouble func(error)) *door {
	return &door{socket: socket, trouble: trouble, closing: make(chan struct{}), done: make(chan struct{}), clients: nethttp.NewClients()}
}

// newRoom makes a room. Until lead, nobody comes to it.
func (d *door) newRoom() *room {
	return &room{door: d, conns: make(chan net.Conn), closed: make(chan struct{}), failed: make(chan error, 1)}
}

// lead makes the door lead to r. The room before takes nobody any more; who is
// in it stays. The first time, the door begins to accept.
func (d *door) lead(r *room) {
	d.mu.Lock()
	before := d.behind
	d.behind = r
	d.mu.Unlock()
	if before != nil {
		before.shut()
	}
	d.opening.Do(func() { go d.accept() })
}

// close closes the socket once those who came before are in the room, or ctx
// ends, and returns when nobody accepts any more. It is called once.
func (d *door) close(ctx context.Context) error {
	d.opening.Do(func() { _ = d.socket.Close(); close(d.done) }) // it never accepted
	err := d.socket.CloseGracefully(ctx)
	close(d.closing)
	<-d.done // the last one is in the room
	if r := d.room(); r != nil {
		r.shut()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept is the door's goroutine. A lack of resources passes; it waits a little.
func (d *door) accept() {
	defer close(d.done)
	defer func() { _ = d.socket.Close() }() // for whoever waits that the queue is empty
	const first, most = 5 * time.Millisecond, time.Second
	pause := first
	var told time.Time
	for {
		conn, err := d.socket.Accept()
		if err == nil {
			pause = first
			d.show(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) || !passes(err) {
			d.room().fail(err)
			return
		}
		if now := time.Now(); now.Sub(told) >= time.Second {
			told = now
			d.trouble(err)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, most)
		case <-d.closing: // the next Accept says so
		}
	}
}

// passes tells whether accepting may work again: out of files or memory, a client
// that was gone before it was accepted, a network that is down (accept(2)).
func passes(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP:
		return false // it is no socket that accepts
	}
	return true
}

func (d *door) room() *room {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.behind
}

// show takes a client to the room of the moment. When that is shut and no other
// came, the door is being closed.
func (d *door) show(conn net.Conn) {
	for {
		r := d.room()
		select {
		case r.conns <- conn:
			return
		case <-r.closed:
			if d.room() == r {
				_ = conn.Close() // refused, as it would be a moment later
				return
			}
		}
	}
}

// room is what one server listens at. It implements net.Listener.
type room struct {
	door   *door
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	failed chan error
}

// Accept waits for the next client.
func (r *room) Accept() (net.Conn, error) {
	select {
	case conn := <-r.conns:
		return conn, nil
	case <-r.closed:
		select {
		case err := <-r.failed:
			return nil, err
		default:
			return nil, fmt.Errorf("accept at %s: %w", r.Addr(), net.ErrClosed)
		}
	}
}

// Addr returns the address of the door.
func (r *room) Addr() net.Addr { return r.door.socket.Addr() }

// Close shuts the room; the door stays open.
func (r *room) Close() error {
	r.shut()
	return nil
}

func (r *room) shut() { r.once.Do(func() { close(r.closed) }) }

// fail shuts the room with the error that ended the door.
func (r *room) fail(err error) {
	select {
	case r.failed <- err:
	default: // one is enough
	}
	r.shut()
}
