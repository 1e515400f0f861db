package nethttp

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/weirproxy/weir/messages"
)

// peerDial is a connection that is being made, for a pool and not for one
// request: whoever waits longest when it is done gets it.
type peerDial struct {
	pool  *pool
	abort context.CancelFunc
	// Guarded by pool.set.mu.
	leaving bool // its connection is for those who wait, and for nobody later
	cut     bool // as if the peer had reset it
}

// startLocked makes one more connection for p.
func (s *peerPools) startLocked(p *pool) {
	ctx, abort := context.WithCancel(context.Background())
	d := &peerDial{pool: p, abort: abort, leaving: s.closed}
	p.dials[d] = struct{}{}
	go d.run(ctx)
}

// run ends when the connection is made or not, at the latest when abort is called.
func (d *peerDial) run(ctx context.Context) {
	defer d.abort()
	limits := d.pool.set.limits.Load()
	if total := limits.TotalConnectionTimeout; total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, total)
		defer cancel()
	}
	c, err := d.make(ctx, limits)
	s := d.pool.set
	s.mu.Lock()
	surplus, cut := d.doneLocked(c, err)
	s.mu.Unlock()
	switch {
	case cut && c != nil:
		c.broken.Store(true)
		_ = c.Close()
	case surplus != nil:
		surplus.shut()
	}
}

// doneLocked gives what came of the dial to those who wait.
func (d *peerDial) doneLocked(c *peerConn, err error) (surplus *peerConn, cut bool) {
	p, s := d.pool, d.pool.set
	delete(p.dials, d)
	defer p.dropLocked()
	if d.cut {
		err = &dialError{messages.CodeReset, errCut}
	}
	if err != nil {
		s.stats.failed.Add(1)
		p.failLocked(err)
		return nil, d.cut
	}
	s.stats.opened.Add(1)
	c.made, p.perConn = true, c.limit
	if c.closed { // already: Reserve will tell who gets it
		c.limit = 1
		p.offerLocked(c)
		p.dialLocked()
		return nil, false
	}
	p.offerLocked(c)
	c.leaving = d.leaving || s.closed || s.wants.MaxIdle == 0
	surplus = p.settleLocked(c)
	p.dialLocked()
	return surplus, false
}

// make makes a connection on which a request can be sent at once. The error is a *dialError.
func (d *peerDial) make(ctx context.Context, limits *messages.Transport) (*peerConn, error) {
	p, s := d.pool, d.pool.set
	socket, err := s.connect(ctx, limits, p.key.addr)
	if err != nil {
		return nil, err
	}
	conn, h2, err := s.open(ctx, socket, p.key)
	if err != nil {
		_ = socket.Close() // the failure is known
		return nil, err
	}
	c := &peerConn{Conn: conn, socket: socket, pool: p, h2: h2, limit: 1, gone: make(chan struct{}), readEnd: make(chan struct{})}
	wire := s.h1
	if h2 {
		c.hello, c.windows = newH2Hello(), newWindowWatch()
		c.writeTimeout.Store(int64(limits.WriteTimeout))
		wire = s.h2.Load()
	}
	s.stats.open.Add(1)
	s.mu.Lock()
	p.conns[c] = struct{}{}
	s.mu.Unlock()
	hello := c.hello
	if err := c.speak(ctx, wire); err != nil {
		_ = c.Close()
		return nil, &dialError{messages.CodeConnectFailed, err}
	}
	if h2 {
		err = d.greet(ctx, c, hello)
	}
	return c, err
}

// greet waits until it is known what the peer allows.
func (d *peerDial) greet(ctx context.Context, c *peerConn, hello *h2Hello) error {
	var err error
	select {
	case <-hello.came:
		room := c.cc.Available()
		if room > 0 {
			c.pool.set.mu.Lock()
			c.limit = min(c.pool.most(), room)
			c.pool.set.mu.Unlock()
			return nil
		}
		if err = c.stillborn(); c.cc.Err() == nil {
			err = &dialError{messages.CodeConnectFailed, errNoStreams}
		}
	case <-c.gone:
		err = c.noHello(hello)
	case <-ctx.Done():
		err = &dialError{dialCode(ctx.Err()), errors.Join(errNoHello, ctx.Err())}
	}
	_ = c.Close()
	return err
}

// noHello says why the connection ended before it was known what the peer allows.
func (c *peerConn) noHello(hello *h2Hello) *dialError {
	if fault := hello.fault(); fault != nil {
		return &dialError{messages.CodeBadResponse, fault}
	}
	if c.refused.Load() != nil {
		return c.stillborn()
	}
	return &dialError{messages.CodeReset, errNoHello}
}

var (
	// errNoHello is returned when a peer does not begin HTTP/2 as it must.
	errNoHello = errors.New("the peer sent no HTTP/2 SETTINGS")
	// errNoStreams is returned when a peer allows no requests over HTTP/2.
	errNoStreams = errors.New("the peer allows no HTTP/2 streams")
)

// open does what comes between the connect and HTTP: the PROXY header and TLS.
func (s *peerPools) open(ctx context.Context, socket net.Conn, key poolKey) (conn net.Conn, h2 bool, err error) {
	if s.wants.ProxyProtocol != "" {
		if err := s.writeProxyHeader(ctx, socket, key); err != nil {
			return nil, false, err
		}
	}
	if key.server == "" {
		return socket, key.alpn == messages.H2, nil
	}
	began := time.Now()
	secure, err := s.handshake(ctx, socket, key)
	if err != nil {
		s.stats.handshakesFailed.Add(1)
		return nil, false, err
	}
	s.stats.handshakes.Add(1)
	s.stats.handshake.Observe(time.Since(began))
	return secure, secure.ConnectionState().NegotiatedProtocol == h2Name, nil
}

// errNoProxyHeader is returned when nothing can write the PROXY header.
var errNoProxyHeader = errors.New("nothing here can write the header of the PROXY protocol")

func (s *peerPools) writeProxyHeader(ctx context.Context, socket net.Conn, key poolKey) error {
	if s.deps.WriteProxyHeader == nil {
		return &dialError{messages.CodeConnectFailed, errNoProxyHeader}
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.SetWriteDeadline(time.Unix(1, 0)) })
	err := s.deps.WriteProxyHeader(socket, s.wants.ProxyProtocol, key.from, key.to)
	switch {
	case !stop():
		return &dialError{dialCode(ctx.Err()), ctx.Err()}
	case err != nil:
		return &dialError{dialCode(err), err}
	}
	return nil
}
