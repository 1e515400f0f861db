package nethttp

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/messages"
)

// clientListener wraps what it accepts into clientConns, no more than the
// configuration allows at a time.
type clientListener struct {
	net.Listener
	server *Server

	lastTold   time.Time // when the log said that clients are turned away
	suppressed int
	// dismissing counts clients that are being told to go, dismissed waits for them.
	dismissing atomic.Int64
	dismissed  sync.WaitGroup
}

// maxDismissing is how many clients at a time may be told why they are turned
// away; the others are just closed.
const maxDismissing = 100

const dismissal = "HTTP/1.1 503 Service Unavailable\r\nX-Weir-Error: " + string(messages.CodeConnLimit) + "\r\nRetry-After: 1\r\nCache-Control: no-store\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 51\r\nConnection: close\r\n\r\n" +
	"conn_limit: too many connections are open already\r\n"

// Accept returns the next client's connection. It asks nothing of it: an address
// may be known only when the client sent something.
func (l *clientListener) Accept() (net.Conn, error) {
	counts, limit := l.server.counts, int64(l.server.cfg.MaxConnections)
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if n := counts.open.Add(1); limit == 0 || n <= limit {
			counts.accepted.Add(1)
			l.server.conns.Add(1)
			return newClientConn(c, l.server), nil
		}
		counts.open.Add(-1)
		counts.turnedAway.Add(1)
		l.tell()
		l.turnAway(c)
	}
}

// tell logs once a second that clients are turned away. Only Accept calls it.
func (l *clientListener) tell() {
	l.suppressed++
	if now := time.Now(); now.Sub(l.lastTold) >= time.Second {
		cfg := &l.server.cfg
		cfg.Logger.Warn("too many connections: clients are turned away", "listener", cfg.Listener.Name,
			"max_connections", cfg.MaxConnections, "turned_away", l.suppressed)
		l.lastTold, l.suppressed = now, 0
	}
}

// turnAway closes a client's connection, and tells it why it is not served: but
// over TLS, where that would take the handshake that is to be saved.
func (l *clientListener) turnAway(c net.Conn) {
	if l.server.tls != nil {
		_ = c.Close()
		return
	}
	if l.dismissing.Add(1) > maxDismissing {
		l.dismissing.Add(-1)
		_ = c.Close()
		return
	}
	l.dismissed.Go(func() {
		defer l.dismissing.Add(-1)
		sayGoodbye(c, dismissal)
		_ = c.Close()
	})
}
