package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/proxy"
)

// Server serves clients: it makes an Exchange of each request and has the core
// serve it.
type Server struct {
	cfg  ServerConfig
	core interface{ Serve(*proxy.Exchange) }
	http http.Server
	tls  *tls.Config // nil = none

	counts *Clients
	// accepting are the calls of Serve that may yet accept somebody.
	accepting atomic.Int64
	// conns are its own connections that are open.
	conns    atomic.Int64
	streams  sync.Pool // of *stream
	tunnels  tunnelSet
	inFlight atomic.Int64
	draining atomic.Bool
	ended    atomic.Bool // nobody is waited for any more
	// frameConns are the *clientConns that speak HTTP/2; leaving counts those who
	// are being told to leave.
	frameConns sync.Map
	leaving    sync.WaitGroup
	cut        context.CancelFunc // ends the context of every request
	hint       sync.Once          // that h2c is a key
}

// ErrUnfinished is returned when requests had to be cut at the end of Shutdown's context.
var ErrUnfinished = errors.New("requests were cut")

// maxFrameBytes bounds a frame of HTTP/2 from a client, which is held as a whole:
// what RFC 9113, 4.2 has every client begin with.
const maxFrameBytes = 16 << 10

// unwindTime is how long Shutdown waits for cut requests to return.
const unwindTime = 5 * time.Second

// NewServer returns a server that serves nothing until Serve is called.
func NewServer(cfg ServerConfig, core interface{ Serve(*proxy.Exchange) }) *Server {
	s := &Server{cfg: cfg.withDefaults(), core: core}
	if s.counts = cfg.Clients; s.counts == nil {
		s.counts = NewClients()
	}
	if cfg.TLS != nil {
		s.tls = listenerTLS(cfg.TLS)
	}
	s.streams.New = func() any { return newStream(s) }
	base, cut := context.WithCancel(context.Background())
	s.cut = cut
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	// Over TLS too net/http sees what is inside alone, and whether a client may
	// speak HTTP/2 is up to its inbound.
	protocols.SetUnencryptedHTTP2(s.cfg.H2C || s.tls != nil)
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.handle),
		Protocols:         &protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: s.cfg.MaxH2Streams, MaxReadFrameSize: maxFrameBytes},
		MaxHeaderBytes:    s.cfg.MaxHeadBytes,
		ReadHeaderTimeout: s.cfg.HeadTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withClientConn,
		// The core answers OPTIONS *, like all else.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// Serve accepts clients from l until Shutdown, and returns nil then. It closes l.
// It may be called for several listeners.
func (s *Server) Serve(l net.Listener) error {
	clients := &clientListener{Listener: l, server: s}
	s.accepting.Add(1)
	err := s.http.Serve(clients)
	s.accepting.Add(-1)
	clients.dismissed.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", l.Addr(), err)
}

// Drain makes every response from now on tell its client to close the connection
// (Connection: close), and clients of HTTP/2 to open no more streams (GOAWAY). New
// connections are still accepted, and idle ones stay until they ask once more or
// Shutdown closes them.
func (s *Server) Drain() {
	if !s.draining.Swap(true) {
		s.sendAllAway()
	}
}

// Shutdown closes the listeners and idle connections and waits for requests and
// tunnels. When ctx ends first it cuts what is left and returns an error that is
// ErrUnfinished and says how many. A connection on which nothing came yet counts
// as idle once it is 5 s old.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	defer s.leaving.Wait()
	defer s.cut()
	graceful := s.http.Shutdown(ctx)
	if graceful == nil && s.await(ctx, &s.accepting) {
		graceful = s.http.Shutdown(ctx) // it does not see who was accepted in that moment
	}
	if graceful == nil && s.wait(ctx) {
		return nil
	}
	if graceful != nil && ctx.Err() == nil {
		return fmt.Errorf("shut down: %w", graceful) // a listener that did not close
	}
	left := s.inFlight.Load()
	s.cut()
	s.tunnels.closeAll()
	s.ended.Store(true)
	closed := s.http.Close()
	unwind, cancel := context.WithTimeout(context.Background(), unwindTime)
	defer cancel()
	if !s.wait(unwind) {
		return errors.Join(fmt.Errorf("shut down: %d %w and %d do not return", left, ErrUnfinished, s.inFlight.Load()), closed)
	}
	if left == 0 {
		return closed // only connections without a request
	}
	return errors.Join(fmt.Errorf("shut down: %d %w", left, ErrUnfinished), closed)
}

// AwaitNobody waits until no connection of the server is open, or ctx ends. Nobody
// new must come: its listeners are closed.
func (s *Server) AwaitNobody(ctx context.Context) {
	if s.await(ctx, &s.accepting) { // who was accepted last counts from then on
		s.await(ctx, &s.conns)
	}
}

// wait tells whether all requests, tunnels among them, returned before ctx ended.
func (s *Server) wait(ctx context.Context) bool { return s.await(ctx, &s.inFlight) }

// await tells whether n came to zero before ctx ended.
func (s *Server) await(ctx context.Context, n *atomic.Int64) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n.Load() > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
