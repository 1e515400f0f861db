package main

import (
	"io"
	"log/slog"

	"github.com/weirproxy/weir/config"
)

// newLogger returns the process's logger: text on a terminal and JSON
// elsewhere, unless the format is set.
func newLogger(cfg config.Log, out io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo // the configuration allows known levels only
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration { // JSON would show a bare number
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	if cfg.Format == "json" || (cfg.Format == "auto" && !isTerminal(out)) {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
