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

// startTimeout bounds the time until the server accepts clients.
const startTimeout = 10 * time.Second

// syncInterval bounds what a power failure takes of streams that are not
// synced at each write.
const syncInterval = 5 * time.Second

// options returns new options each time: the server changes those it was given.
func options(cfg Config, storeDir string, at place, a access) (*server.Options, error) {
	opts := &server.Options{}
	// It has no other way to say which accounts use JetStream.
	if err := opts.ProcessConfigString(a.accounts); err != nil {
		return nil, fmt.Errorf("accounts of the NATS server: %w", err)
	}
	opts.Users = a.users(opts.Accounts)
	opts.NoAuthUser = a.noAuthUser

	opts.ServerName = cfg.Member
	opts.Host = at.host
	opts.Port = at.port
	opts.NoSigs = true // else it ends the process at signals

	// JetStream is started by the storage, which can do without.
	opts.StoreDir = storeDir
	opts.SyncAlways = true // a power failure loses nothing that was acknowledged, but of streams that say otherwise
	opts.SyncInterval = syncInterval
	opts.JetStreamMaxMemory = cfg.MaxMemory
	opts.JetStreamMaxStore = cfg.MaxStore
	opts.DisableJetStreamBanner = true

	opts.MaxConn = cfg.MaxConnections
	opts.MaxSubs = 1024 // of one connection
	// A reader that does not keep up misses what is published while more than
	// three quarters of MaxPending wait for it, and is cut off when it takes
	// nothing for WriteDeadline. Without NoFastProducerStall the server would
	// pause after each message to let it catch up: measured, one such reader
	// made 40 MB for the others take 2 s instead of 0.05 s.
	opts.MaxPending = 8 << 20
	opts.NoFastProducerStall = true
	opts.WriteDeadline = 2 * time.Second
	return opts, nil
}

// startServer returns when the server accepts clients.
func startServer(cfg Config, storeDir string, at place, a access, log *serverLog) (*server.Server, error) {
	opts, err := options(cfg, storeDir, at, a)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
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
	return nil, startError(cfg, log.died())
}

// startError sorts what the server died of; it has nothing but text for it.
func startError(cfg Config, text string) error {
	if strings.Contains(text, "address already in use") { // taken since findPlace looked
		return fmt.Errorf("%s: %w (%s)", cfg.Addr, ErrAddrTaken, text)
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
