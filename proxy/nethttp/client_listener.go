package nethttp

import (
	"io"
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
	cfg *ServerConfig
	// open counts the connections of all listeners of a server, tunnels among them.
	open *atomic.Int64

	lastTold   time.Time // when the log said that clients are turned away
	suppressed int
	// dismissing counts clients that are being told to go, dismissed waits for them.
	dismissing atomic.Int64
	dismissed  sync.WaitGroup
}

// A client that is turned away gets dismissTime to read why, as long as there are
// no more than maxDismissing of them; the others are just closed.
const (
	dismissTime   = 500 * time.Millisecond
	maxDismissing = 100
)

const dismissal = "HTTP/1.1 503 Service Unavailable\r\nX-Weir-Error: " + string(messages.CodeConnLimit) + "\r\nRetry-After: 1\r\nCache-Control: no-store\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 51\r\nConnection: close\r\n\r\n" +
	"conn_limit: too many connections are open already\r\n"

// Accept returns the next client's connection.
func (l *clientListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if n := l.open.Add(1); l.cfg.MaxConnections == 0 || n <= int64(l.cfg.MaxConnections) {
			return newClientConn(c, l.cfg, func() { l.open.Add(-1) }), nil
		}
		l.open.Add(-1)
		l.tell()
		l.turnAway(c)
	}
}

// tell logs once a second that clients are turned away. Only Accept calls it.
func (l *clientListener) tell() {
	l.suppressed++
	if now := time.Now(); now.Sub(l.lastTold) >= time.Second {
		l.cfg.Logger.Warn("too many connections: clients are turned away", "listener", l.cfg.Listener.Name,
			"max_connections", l.cfg.MaxConnections, "turned_away", l.suppressed)
		l.lastTold, l.suppressed = now, 0
	}
}

// turnAway tells a client why it is not served, and closes its connection.
func (l *clientListener) turnAway(c net.Conn) {
	if l.dismissing.Add(1) > maxDismissing {
		l.dismissing.Add(-1)
		_ = c.Close()
		return
	}
	l.dismissed.Go(func() {
		defer l.dismissing.Add(-1)
		defer func() { _ = c.Close() }()
		if c.SetDeadline(time.Now().Add(dismissTime)) != nil {
			return
		}
		if _, err := io.WriteString(c, dismissal); err != nil || closeWrite(c) != nil {
			return
		}
		// What the client sent must be read, or closing would take the answer from it.
		_, _ = io.Copy(io.Discard, c) // until it goes or its time is over
	})
}
