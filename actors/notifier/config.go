package notifier

import (
	"cmp"
	"time"
)

// Config says who speaks.
type Config struct {
	// Prefix is the first token, or tokens, of every subject: "weir".
	Prefix string
	// Member is the name of this instance.
	Member string
	// Incarnation differs at each start of the process, so that ids do.
	Incarnation string
	// Outbox bounds the outbox.
	Outbox OutboxConfig
}

// OutboxConfig bounds an outbox. The zero value takes all defaults; negative
// values count as zero.
type OutboxConfig struct {
	// Entries is how many events may wait to be stored, beside the latest flip
	// of each peer; default 1000. When there are more, the oldest are dropped.
	Entries int
	// Latest is of how many peers the latest flip is kept beyond Entries; default
	// 200,000. It bounds the memory while peers come and go in a long outage.
	Latest int
	// InFlight is how many events may be on their way to the stream at a time,
	// each of another subject; default 256, at most Entries. It must not be more
	// than Store takes.
	InFlight int
	// Patience is how long an event may wait for its turn before it is sent live,
	// without waiting to be stored; default 200ms.
	Patience time.Duration
	// Retry is the pause after a failure; it doubles up to RetryMax. Defaults
	// 250ms and 5s.
	Retry, RetryMax time.Duration
	// Duplicates is the duplicate window of the stream: how long it knows the ids
	// that it stored; default 2m, as JetStream's. An event that may be stored, for
	// nobody answered, is sent again for three quarters of it at most.
	Duplicates time.Duration
}

func (c OutboxConfig) withDefaults() OutboxConfig {
	c.Entries = cmp.Or(max(c.Entries, 0), 1000)
	c.Latest = cmp.Or(max(c.Latest, 0), 200_000)
	c.InFlight = min(cmp.Or(max(c.InFlight, 0), 256), c.Entries)
	c.Patience = cmp.Or(max(c.Patience, 0), 200*time.Millisecond)
	c.Retry = cmp.Or(max(c.Retry, 0), 250*time.Millisecond)
	c.RetryMax = max(cmp.Or(max(c.RetryMax, 0), 5*time.Second), c.Retry)
	c.Duplicates = cmp.Or(max(c.Duplicates, 0), 2*time.Minute)
	return c
}
