package main

import (
	"io"
	"log/slog"

	"github.com/weirproxy/weir/config"
)

// newLogger returns the process's logger, whose level can be changed: text on a
// terminal and JSON elsewhere, unless the format is set.
func newLogger(cfg config.Log, out io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	level.Set(levelOf(cfg.Level))
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration { // JSON would show a bare number
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	if cfg.Format == "json" || (cfg.Format == "auto" && !isTerminal(out)) {
		return slog.New(slog.NewJSONHandler(out, options)), level
	}
	return slog.New(slog.NewTextHandler(out, options)), level
}

// levelOf returns the level with a name; the configuration allows known ones only.
func levelOf(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return level
}
