package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// storage is the embedded server with its JetStream. The server starts without
// it and can do without; the keeper brings it up, also after the disk was full.
//
// A server gets one attempt: JetStream that starts a second time in one server
// leaves the goroutines and subscriptions of the first behind. What must start
// again therefore gets a new server. Clients lose their connection then, and
// weir's own comes back by the provider.
type storage struct {
	cfg      Config
	log      *slog.Logger
	at       place
	rights   access
	provider *serverConn
	broken   chan string // see serverLog

	// The rest belongs to the keeper, once that runs.

	server *server.Server // nil: it could not be started again
	tried  bool           // to start JetStream in it
	wasUp  bool           // JetStream; the server may turn it off by itself
	fault  string         // why the server writes no more; "" while it does
	// store is nil while the directory cannot be made for lack of space.
	store *store
}

// launch starts the server, without JetStream.
func (s *storage) launch() error {
	dir, err := filepath.Abs(filepath.Join(s.cfg.Dir, storeName))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	s.server, err = startServer(s.cfg, dir, s.at, s.rights, &serverLog{log: s.log, broken: s.broken})
	if err != nil {
		return err
	}
	if addr, ok := s.server.Addr().(*net.TCPAddr); ok {
		s.at.port = addr.Port // the next one listens there too
	}
	s.tried = false
	s.provider.current.Store(s.server)
	return nil
}

// stop stops the server. What it stored stays.
func (s *storage) stop() {
	s.provider.current.Store(nil)
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
	s.server = nil
}

// faulty tells whether there is something to mend. It costs nothing.
func (s *storage) faulty() bool {
	return s != nil && (len(s.broken) > 0 || s.server == nil || s.wasUp && !s.server.JetStreamEnabled())
}

// keep brings JetStream up if it is not, or writes no more.
func (s *storage) keep() error {
	if s == nil {
		return nil // an external NATS looks after itself
	}
	select {
	case s.fault = <-s.broken:
	default:
	}
	if s.server != nil && s.server.JetStreamEnabled() && s.fault == "" {
		return nil
	}
	if s.store == nil {
		store, err := openStore(s.cfg.Dir)
		if err != nil {
			return err
		}
		s.store = store
	}
	space := leastSpace
	if s.wasUp {
		space = someSpace
	}
	if err := s.store.probe(space); err != nil {
		return fmt.Errorf("the store at %s cannot be written to: %w; it is used again by itself when it can, and there are %d MiB", s.store.dir, err, space>>20)
	}
	if err := s.up(); err != nil {
		return err
	}
	s.fault, s.wasUp = "", true
	return nil
}

// up starts JetStream. What is damaged is moved aside, and it begins empty.
func (s *storage) up() error {
	err := s.enable(nil)
	if structural(err) {
		why := err.Error()
		err = s.enable(func() error { return s.aside(filepath.Join(s.store.dir, server.JetStreamStoreDir), why) })
	}
	if err != nil {
		return err
	}
	damaged, err := s.unreadable()
	if err != nil || len(damaged) == 0 {
		return err
	}
	return s.enable(func() error {
		for _, path := range damaged {
			if err := s.aside(path, "NATS cannot read it"); err != nil {
				return err
			}
		}
		return nil
	})
}

// enable starts JetStream, in a new server if this one has had it. before is
// called while no server uses the store; nil: there is nothing to do.
func (s *storage) enable(before func() error) error {
	if before != nil || s.tried || s.server == nil {
		s.stop()
		if before != nil {
			if err := before(); err != nil {
				return errors.Join(err, s.launch())
			}
		}
		select {
		case <-s.broken: // what the old one said
		default:
		}
		if err := s.launch(); err != nil {
			return fmt.Errorf("start the NATS server again: %w", err)
		}
	}
	s.tried = true
	err := s.server.EnableJetStream(&server.JetStreamConfig{StoreDir: s.store.dir, MaxMemory: s.cfg.MaxMemory, MaxStore: s.cfg.MaxStore,
		SyncAlways: true, SyncInterval: syncInterval, Strict: true})
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrStore, s.store.dir, errors.Join(err, s.server.ShutdownJetStream())) // it may be half up
	}
	return nil
}

// structural tells whether JetStream did not start because something else lies
// where its directories should be. NATS has nothing but text for it.
func structural(err error) bool {
	if err == nil {
		return false
	}
	for _, sign := range []string{"not a directory", "is a directory", "file exists"} {
		if strings.Contains(err.Error(), sign) {
			return true
		}
	}
	return false
}

func (s *storage) aside(path, why string) error {
	to, err := s.store.moveAside(path, time.Now())
	if err != nil {
		return fmt.Errorf("%w: %s is damaged (%s) and cannot be moved aside: %w", ErrStore, path, why, err)
	}
	s.log.Warn("nats store damaged, moved aside, begins empty", "path", path, "moved_to", to, "reason", why)
	return nil
}

// unreadable finds the streams on the disk that the server did not take up.
func (s *storage) unreadable() ([]string, error) {
	dir := filepath.Join(s.store.dir, server.JetStreamStoreDir, accountMembers, "streams")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	info, err := s.server.Jsz(&server.JSzOptions{Account: accountMembers, Streams: true})
	if err != nil {
		return nil, fmt.Errorf("ask JetStream what it has: %w", err)
	}
	known := map[string]bool{}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			known[stream.Name] = true
		}
	}
	var damaged []string
	for _, entry := range entries {
		// What begins with a dot is being deleted by the server.
		if !known[entry.Name()] && !strings.HasPrefix(entry.Name(), ".") {
			damaged = append(damaged, filepath.Join(dir, entry.Name()))
		}
	}
	return damaged, nil
}

// close frees the store.
func (s *storage) close() error {
	if s == nil || s.store == nil {
		return nil
	}
	return s.store.close()
}
