package notifier

import (
	"log/slog"
	"time"
)

// outage is a time in which events cannot be stored as they come: from the
// first trouble until all that waited then is stored or dropped.
type outage struct {
	open   bool
	since  time.Time
	reason error
	// late counts what was stored later, dropped what was given up, untold what
	// could not be sent live at once.
	late, dropped, untold uint64
	// begun and lossy are what the log was told of.
	begun, lossy bool
	subject      string // of the event that had trouble first
}

// quietFor is how long an outage lasts before the log tells of it: a start, or a
// new leader of the stream, is no news. One with drops is told at once.
const quietFor = time.Second

// line is a line of log.
type line struct {
	level slog.Level
	msg   string
	attrs []slog.Attr
}

func (o *Outbox) say(level slog.Level, msg string, attrs ...slog.Attr) {
	o.lines = append(o.lines, line{level, msg, attrs})
}

// degrade notes trouble, which begins an outage if there is none. e is an event
// that has it.
func (o *Outbox) degrade(reason error, e *entry, now time.Time) {
	o.link.degraded = true
	if !o.outage.open {
		o.outage = outage{open: true, since: now, reason: reason, subject: e.record.Subject}
	}
}

// tell says once per outage that it began, and once that events are lost.
func (o *Outbox) tell(now time.Time) {
	out := &o.outage
	if !out.open {
		return
	}
	if !out.begun && (out.dropped > 0 || now.Sub(out.since) >= quietFor) {
		out.begun = true
		o.say(slog.LevelWarn, "events cannot be stored, they wait", slog.Any("error", out.reason), slog.String("subject", out.subject))
	}
	if !out.lossy && out.dropped > 0 {
		out.lossy = true
		o.say(slog.LevelWarn, "events are dropped", slog.Any("error", out.reason), slog.Int("entries", o.backlog.len()))
	}
}

// recover ends the degraded state when nothing waits that was sent live or has
// to be, and the outage when all that was late is stored.
func (o *Outbox) recover(now time.Time) {
	if e := first(&o.backlog.waiting); o.link.degraded && !o.link.probing && (e == nil || !e.late) && o.backlog.expelled == 0 {
		o.link.degraded = false
	}
	if !o.outage.open || o.link.degraded || o.backlog.lateFlying > 0 {
		return
	}
	if o.backlog.ordinary >= o.cfg.Outbox.Entries {
		return // else the event that tells of drops would cause one
	}
	o.tell(now)
	ended := o.outage
	o.outage = outage{}
	if !ended.begun {
		return
	}
	level := slog.LevelInfo
	if ended.dropped > 0 {
		level = slog.LevelWarn
	}
	o.say(level, "events are stored again", slog.Uint64("late", ended.late), slog.Uint64("dropped", ended.dropped),
		slog.Uint64("not_live", ended.untold), slog.Duration("after", now.Sub(ended.since)))
	if ended.dropped > 0 {
		r := o.encoder().dropped(ended, now)
		o.add(r, "", "", now)
		o.deps.Feed.append(r)
	}
}

func (o *Outbox) encoder() encoder {
	return encoder{cfg: o.cfg, next: func() uint64 { return o.deps.Feed.stats.numbered.Add(1) }}
}
