// Command weir is a reverse proxy and upstream manager whose health knowledge
// is an event stream. `weir demo` shows it; `weir serve` runs it.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], environment{lookup: os.LookupEnv, stdout: os.Stdout, stderr: os.Stderr, hangups: hangups, adopt: adopt})
	stop()
	os.Exit(code)
}

// adopt makes what libraries write to the process's own log (net/http does, of
// peers that speak without being asked) lines of the logger, at DEBUG.
func adopt(l *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(l) //nolint:forbidigo // nobody can hand net/http's client another
}

// hangups returns a channel that gets a value for SIGHUP, until stop is called.
// Signals that come while one waits to be dealt with count as that one.
func hangups() (got <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}
