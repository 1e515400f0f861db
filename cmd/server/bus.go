package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/config"
)

// startBus starts NATS inside of weir, or connects to the one that the file names.
func (w *weir) startBus(opts options, token string) error {
	cfg := busConfig(w.cfg)
	cfg.OperatorToken, cfg.Open, cfg.Logger = token, opts.open, w.log
	if opts.nearPorts && cfg.URL == "" {
		l, err := listenTCP(context.Background(), "nats.addr", cfg.Addr, true)
		if err != nil {
			return err
		}
		cfg.Addr = l.Addr().String()
		if err := l.Close(); err != nil {
			return fmt.Errorf("nats.addr: %w", err)
		}
	}
	b, err := bus.Start(cfg)
	if err != nil {
		return busError(cfg.Addr, err)
	}
	w.bus = b
	return nil
}

// busConfig returns what the file says about NATS.
func busConfig(c *config.Config) bus.Config {
	urls := make([]string, len(c.NATS.URLs))
	for i, u := range c.NATS.URLs {
		urls[i] = u.Reveal()
	}
	cfg := bus.Config{
		URL: strings.Join(urls, ","), Addr: c.NATS.Addr, Prefix: c.NATS.Prefix, Dir: c.DataDir, Member: c.Member,
		Auth: bus.Auth{User: c.NATS.User, Password: c.NATS.Password.Reveal(), Creds: c.NATS.Creds, NKey: c.NATS.NKey},
		TLS:  bus.TLS{CA: c.NATS.TLS.CA, Cert: c.NATS.TLS.Cert, Key: c.NATS.TLS.Key},
		Events: bus.Events{MaxAge: c.NATS.Events.MaxAge, MaxBytes: c.NATS.Events.MaxBytes, PerSubject: c.NATS.Events.PerSubject,
			Duplicates: duplicatesOf(c)},
	}
	if cfg.URL == "" {
		cfg.MaxStore = max(bus.DefaultMaxStore, 2*cfg.Events.MaxBytes)
	}
	return cfg
}

// mostDuplicates is how long the stream knows ids at most. An outage of NATS that
// is longer costs the few events whose sending it interrupted: they may be
// stored, and are not sent again. Each id takes the server some 150 bytes for so long.
const mostDuplicates = 15 * time.Minute

func duplicatesOf(c *config.Config) time.Duration { return min(mostDuplicates, c.NATS.Events.MaxAge) }

// busError names the key that an error of the bus has to do with.
func busError(addr string, err error) error {
	switch {
	case errors.Is(err, bus.ErrAddrTaken):
		return fmt.Errorf("nats.addr: %s is taken by another process; stop it, or set nats.addr to a free address", addr)
	case errors.Is(err, bus.ErrAddrForbidden), errors.Is(err, bus.ErrAddr):
		return fmt.Errorf("nats.addr: %w", err)
	case errors.Is(err, bus.ErrLocked), errors.Is(err, bus.ErrForeignStore), errors.Is(err, bus.ErrStore):
		return fmt.Errorf("data_dir: %w", err)
	case errors.Is(err, bus.ErrConfig):
		return fmt.Errorf("nats: %w", err)
	}
	return fmt.Errorf("start NATS: %w", err)
}
