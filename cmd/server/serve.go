package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/socket"
)

func serveCommand(env environment) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run weir with a configuration file",
		Long: `Run weir with a configuration file: the one named by -c, else ./weir.yaml,
else /etc/weir/weir.yaml. Ctrl-C or SIGTERM ends it after requests in flight
are done; a second Ctrl-C ends it at once. A changed file is put in force by
itself, on SIGHUP, and with weir reload; a bad one changes nothing.`,
		Example: "  weir serve -c examples/quickstart.yaml",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := config.Find(file, env.lookup)
			if err != nil {
				return err
			}
			sources, err := config.ReadSources(path)
			if err != nil {
				return err
			}
			cfg, err := sources.Load(env.lookup)
			if err != nil {
				return err
			}
			found, err := verify(cfg)
			if err != nil {
				return err
			}
			log, level := env.newLogger(cfg.Log)
			for _, warning := range append(texts(cfg.Warnings), found...) {
				log.Warn("configuration", "warning", warning)
			}
			opts := options{logger: log, level: level, sources: sources, env: env.lookup}
			if env.hangups != nil {
				hangups, stop := env.hangups()
				defer stop()
				opts.hangups = hangups
			}
			return serve(c.Context(), cfg, opts, func(w *weir) {
				log.Info("weir serves", "version", versionText(), "member", cfg.Member, "listeners", w.addrs,
					"upstreams", cfg.Desired.Upstreams.Len(), "routes", cfg.Desired.Routes.Len(),
					"admin", "http://"+w.adminAddr, "nats", w.bus.ClientURL(), "data_dir", cfg.DataDir)
			})
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "the configuration file")
	return c
}

// serve runs an instance until ctx is done or a server of it fails.
func serve(ctx context.Context, cfg *config.Config, opts options, started func(*weir)) error {
	w, err := start(ctx, cfg, opts)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled):
		opts.logger.Info("weir was stopped before it served")
		return nil
	case err != nil:
		return err
	}
	started(w)
	if left := w.listeners.passed.Left(); len(left) > 0 {
		opts.logger.Warn("systemd passed sockets that no listener takes", "names", left, "how", `addr: "fd:NAME"`)
	}
	if err := socket.Ready(); err != nil {
		opts.logger.Warn("systemd cannot be told that weir serves", "error", err)
	}
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-w.failed:
		opts.logger.Error("server failed", "error", failure)
	}
	return errors.Join(failure, stopVisibly(ctx, w, opts.logger))
}

// stopVisibly stops w and logs how it went.
func stopVisibly(ctx context.Context, w *weir, log *slog.Logger) error {
	begun := time.Now()
	if err := socket.Stopping(); err != nil {
		log.Warn("systemd cannot be told that weir stops", "error", err)
	}
	shutdown := w.reloads.running.Load().Shutdown
	log.Info("weir drains", "delay", shutdown.Delay, "timeout", shutdown.Timeout)
	if err := w.stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stopped, not cleanly: %w", err)
	}
	log.Info("weir stopped", "took", time.Since(begun).Round(time.Millisecond))
	return nil
}

// tempDir makes a data directory that remove deletes.
func tempDir() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "weir-")
	if err != nil {
		return "", nil, fmt.Errorf("make a data directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // what is left is in the system's temporary folder
}
