package bus

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startTimeout bounds the time until the server accepts clients. Reading the
// store comes before and is not part of it.
const startTimeout = 10 * time.Second

// options returns new options each time: the server changes those it was given.
func options(cfg Config, storeDir string, at place, a access) *server.Options {
	return &server.Options{
		ServerName: cfg.Member,
		Host:       at.host,
		Port:       at.port,
		NoSigs:     true, // else it ends the process at signals

		Users:      a.users,
		NoAuthUser: a.noAuthUser,

		JetStream:              true,
		StoreDir:               storeDir,
		SyncAlways:             true, // a power failure loses nothing that was acknowledged
		JetStreamMaxMemory:     cfg.MaxMemory,
		JetStreamMaxStore:      cfg.MaxStore,
		DisableJetStreamBanner: true,

		MaxConn: cfg.MaxConnections,
		MaxSubs: 1024, // of one connection
		// A reader that does not keep up misses what is published while more than
		// three quarters of MaxPending wait for it, and is cut off when it takes
		// nothing for WriteDeadline. Without NoFastProducerStall the server would
		// pause after each message to let it catch up: measured, one such reader
		// made 40 MB for the others take 2 s instead of 0.05 s.
		MaxPending:          8 << 20,
		NoFastProducerStall: true,
		WriteDeadline:       2 * time.Second,
	}
}

// startServer returns when the server accepts clients.
func startServer(cfg Config, storeDir string, at place, a access) (*server.Server, error) {
	s, err := server.NewServer(options(cfg, storeDir, at, a))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	log := &serverLog{log: cfg.Logger}
	s.SetLoggerV2(log, false, false, false) // before Start: what went before would be lost
	s.Start()
	deadline := time.Now().Add(startTimeout)
	for log.died() == "" {
		if s.ReadyForConnections(100 * time.Millisecond) {
			return s, nil
		}
		if time.Now().After(deadline) {
			log.Fatalf("it does not accept clients after %v", startTimeout)
		}
	}
	s.Shutdown()
	s.WaitForShutdown()
	return nil, startError(cfg, storeDir, log.died())
}

// startError sorts what the server died of; it has nothing but text for it.
func startError(cfg Config, storeDir, text string) error {
	switch {
	case strings.Contains(text, "address already in use"): // taken since findPlace looked
		return fmt.Errorf("%s: %w (%s)", cfg.Addr, ErrAddrTaken, text)
	case strings.Contains(text, "JetStream"):
		return fmt.Errorf("%w: %s: %s", ErrStore, storeDir, text)
	}
	return errors.New("NATS server: " + text)
}

// serverConn makes in-process connections to the server of the moment. The
// client keeps it for ever, so it must not be the server itself: that one could
// never be replaced.
type serverConn struct{ current atomic.Pointer[server.Server] }

// InProcessConn implements nats.InProcessConnProvider.
func (p *serverConn) InProcessConn() (net.Conn, error) {
	s := p.current.Load()
	if s == nil || !s.Running() {
		return nil, ErrNotConnected
	}
	return s.InProcessConn()
}
