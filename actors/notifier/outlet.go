package notifier

import (
	"log/slog"

	"github.com/weirproxy/weir/messages"
)

// outlet takes events to all who want them: log, feed, NATS.
type outlet struct {
	cfg     Config
	publish func(subject string, header map[string]string, body []byte) error
	outbox  *Outbox // nil = live only, by publish
	feed    *Feed
	log     *slog.Logger
	encoder encoder
}

// take tells everybody of an event. It returns false when it does not know it.
func (o *outlet) take(event messages.Event) bool {
	record, known := o.encoder.encode(event)
	if !known {
		return false
	}
	o.feed.stats.count(event)
	logEvent(o.log, event)
	o.feed.append(record)
	if o.outbox != nil {
		o.outbox.put(event, record)
	} else {
		o.send(record)
	}
	return true
}

// send publishes a record live. Failures are counted one by one and logged once
// per outage, at its begin and at its end.
func (o *outlet) send(r Record) {
	s := &o.feed.stats
	if err := o.publish(r.Subject, o.cfg.headers(r), r.Body); err != nil {
		s.failed.Add(1)
		if s.outage++; s.outage == 1 {
			o.log.Warn("events cannot be published", "error", err, "subject", r.Subject)
		}
		return
	}
	s.published.Add(1)
	if s.outage > 0 {
		o.log.Info("events are published again", "not_published", s.outage)
		s.outage = 0
	}
}
