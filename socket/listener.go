package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// handshakeTime is how long handshakes that are under way when new ones are
// turned away have to end. It is less than the second after which those who were
// turned away come again, so that they meet the next process (RFC 6298, 2.1).
const handshakeTime = 900 * time.Millisecond

// Listener is a listening socket that can be closed without losing clients. It
// implements net.Listener.
type Listener struct {
	addr net.Addr
	// shared is whether others may listen at the address; passed, whether the socket
	// itself is theirs too, as systemd's are.
	shared, passed bool
	// keepAlive, unless nil, is for accepted connections: Go sets its own over what
	// they inherit.
	keepAlive *net.KeepAliveConfig
	// path and file are those of a unix socket that Listen made; file is nil else.
	path string
	file os.FileInfo
	// freed, unless nil, is told that a passed socket is closed.
	freed func()

	mu       sync.Mutex     // guards the next two
	reserved *reservation   // nil once it listens
	inner    systemListener // nil until it does

	last   atomic.Bool // closed as soon as nobody is in the queue
	once   sync.Once
	closed chan struct{}
	err    error // of closing; written before closed is
}

// systemListener is what net's listeners have in common.
type systemListener interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// newListener wraps a listener of net.
func newListener(inner systemListener) *Listener {
	return &Listener{addr: inner.Addr(), inner: inner, closed: make(chan struct{})}
}

// Addr returns where it listens.
func (l *Listener) Addr() net.Addr { return l.addr }

// Accept waits for the next client. The error is net.ErrClosed once the socket
// is closed, and, after CloseGracefully, nobody is in its queue. One goroutine
// calls it.
func (l *Listener) Accept() (net.Conn, error) {
	inner, err := l.begin()
	if err != nil {
		return nil, err
	}
	for {
		if l.last.Load() {
			if more, err := waits(inner); err != nil || !more {
				return nil, errors.Join(l.Close(), l.ended())
			}
			_ = inner.SetDeadline(time.Now().Add(time.Second)) // fails on one that is closed, as Accept will
		}
		c, err := inner.Accept()
		if err == nil {
			if tcp, ok := c.(*net.TCPConn); ok && l.keepAlive != nil {
				_ = tcp.SetKeepAliveConfig(*l.keepAlive) // fails on a connection that is gone, whose Read says so
			}
			return c, nil
		}
		if !l.last.Load() || !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
}

func (l *Listener) ended() error { return fmt.Errorf("accept at %s: %w", l.addr, net.ErrClosed) }

// begin has it listen, if it does not yet.
func (l *Listener) begin() (systemListener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner != nil {
		return l.inner, nil
	}
	if l.reserved == nil {
		return nil, l.ended()
	}
	inner, err := l.reserved.listen()
	l.reserved = nil
	if err != nil {
		return nil, err
	}
	l.inner = inner
	return inner, nil
}

// Close closes the socket at once. Who is in its queue gets a reset, or, if there
// are others with ReusePort and net.ipv4.tcp_migrate_req=1, goes there.
func (l *Listener) Close() error {
	l.once.Do(func() {
		defer close(l.closed)
		l.unlink()
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case l.inner != nil:
			l.err = l.inner.Close()
		case l.reserved != nil:
			l.err = l.reserved.file.Close()
			l.reserved = nil
		}
		if l.freed != nil {
			l.freed()
		}
	})
	<-l.closed
	return l.err
}

// CloseGracefully closes the socket after those who came before were accepted:
// new clients are turned away, handshakes that are under way have 0.9 s to end if
// the address is shared, and then the queue is emptied. All the while, somebody
// must call Accept until it says net.ErrClosed. When ctx ends earlier it is
// Close, and the error is that of ctx.
//
// It is for a process that ends while another one listens at the address with
// ReusePort: until a socket is closed the kernel goes on to give it its share of
// the handshakes, and those who are turned away come again a second later, to the
// other process. Nobody is refused or reset. With net.ipv4.tcp_migrate_req=1
// nobody waits either: the kernel moves them at once. Where neither is to be had
// (see TurnsAway), those whose handshake is under way in the last moment are reset.
//
// A socket that was passed is only let go of: its queue stays, for the next process.
func (l *Listener) CloseGracefully(ctx context.Context) error {
	l.mu.Lock()
	inner := l.inner
	l.mu.Unlock()
	if inner == nil || l.passed {
		return l.Close() // no client is ours
	}
	if err := l.wane(ctx, inner); err != nil && !l.isClosed() {
		return errors.Join(err, l.Close())
	}
	l.last.Store(true)
	_ = inner.SetDeadline(time.Unix(1, 0)) // wakes Accept; fails on one that is closed
	select {
	case <-l.closed:
		return l.err
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("accept those who wait at %s: %w", l.addr, ctx.Err()), l.Close())
	}
}

func (l *Listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// wane makes that nobody new comes to the queue. On return handshakes are over.
func (l *Listener) wane(ctx context.Context, inner systemListener) error {
	if l.addr.Network() == "unix" {
		l.unlink()
		return nil
	}
	if l.shared && migrates() {
		return nil
	}
	err := turnAway(inner)
	switch {
	case errors.Is(err, errNoRight):
		return nil // to wait would not make them fewer
	case err != nil:
		return err
	}
	if !l.shared {
		return nil // who is turned away for long would better be refused
	}
	handshakes := time.NewTimer(handshakeTime)
	defer handshakes.Stop()
	select {
	case <-handshakes.C:
	case <-l.closed:
	case <-ctx.Done():
		return fmt.Errorf("wait for handshakes at %s: %w", l.addr, ctx.Err())
	}
	return nil
}

// unlink removes the file of a unix socket, unless another process has its own
// there by now.
func (l *Listener) unlink() {
	if l.file == nil {
		return
	}
	if is, err := os.Lstat(l.path); err == nil && os.SameFile(l.file, is) {
		_ = os.Remove(l.path) // what is left is removed by the next Listen
	}
}

// errNoRight is why new clients cannot be turned away.
var errNoRight = errors.New("to ignore new handshakes needs CAP_NET_ADMIN here")

func joinClose(err error, c io.Closer) error { return errors.Join(err, c.Close()) }
