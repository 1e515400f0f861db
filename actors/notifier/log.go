package notifier

import (
	"context"
	"log/slog"

	"github.com/weirproxy/weir/messages"
)

// logEvent writes the one line of an event.
func logEvent(log *slog.Logger, event messages.Event) {
	ctx := context.Background()
	switch m := event.(type) {
	case messages.Flipped:
		log.LogAttrs(ctx, slog.LevelInfo, "peer flipped", slog.String("upstream", m.Upstream), slog.String("peer", m.Peer),
			slog.String("from", m.From.String()), slog.String("to", m.To.String()), slog.String("reason", string(m.Code)),
			slog.String("detail", clip(m.Detail)), slog.Duration("held", m.Held), slog.Int("available", m.Available), slog.Int("peers", m.Peers))
	case messages.UpstreamChanged:
		log.LogAttrs(ctx, upstreamLevel(m.Change), "upstream changed", slog.String("upstream", m.Upstream), slog.String("change", string(m.Change)),
			slog.String("detail", clip(m.Detail)), slog.Int("available", m.Available), slog.Int("peers", m.Peers))
	case messages.DiscoveryChanged:
		level := slog.LevelInfo
		if m.Change == messages.DiscoveryFailure {
			level = slog.LevelWarn
		}
		log.LogAttrs(ctx, level, "discovery changed", slog.String("upstream", m.Upstream), slog.String("change", string(m.Change)),
			slog.String("detail", clip(m.Detail)), slog.Int("peers", m.Peers))
	case messages.ActorCrashed: // its line, with the stack, was written where it crashed
	case messages.ActorRestarted:
		log.LogAttrs(ctx, slog.LevelInfo, "actor restarted", slog.String("actor", m.Actor), slog.Int("failures", m.Failures), slog.Duration("delay", m.Delay))
	case messages.CertChanged:
		level := slog.LevelWarn
		if m.Change == messages.CertReloaded {
			level = slog.LevelInfo
		}
		log.LogAttrs(ctx, level, "certificate "+string(m.Change), slog.String("file", m.File), slog.Time("not_after", m.NotAfter),
			slog.Int("days_left", m.DaysLeft), slog.String("detail", clip(m.Detail)))
	case messages.ConfigChanged: // its line, with all faults, was written by who read it
	}
}

// upstreamLevel is warn where fewer peers serve than should, nobody watches, or
// nobody knows whether they serve.
func upstreamLevel(change messages.UpstreamChange) slog.Level {
	switch change {
	case messages.UpstreamDegraded, messages.UpstreamDown, messages.UpstreamParked, messages.UpstreamUnproven:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
