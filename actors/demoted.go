package actors

import (
	"context"
	"log/slog"
)

// demoted is a log handler that makes what a library calls information debug:
// it tells of its own doings, not of weir's. Warnings and errors stay.
type demoted struct{ slog.Handler }

// Enabled tells whether a record of level comes through after it was demoted.
func (d demoted) Enabled(ctx context.Context, level slog.Level) bool {
	return d.Handler.Enabled(ctx, lower(level))
}

// Handle passes r on, at its new level.
func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lower(r.Level)
	return d.Handler.Handle(ctx, r)
}

// WithAttrs keeps what it returns demoted.
func (d demoted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return demoted{d.Handler.WithAttrs(attrs)}
}

// WithGroup keeps what it returns demoted.
func (d demoted) WithGroup(name string) slog.Handler { return demoted{d.Handler.WithGroup(name)} }

func lower(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
