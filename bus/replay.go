package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
)

// maxLast bounds ReplayRequest.Last: so many events are kept in memory.
const maxLast = 10_000

// The pauses of a replay that waits.
const (
	pollEvery = time.Second      // for what no message announced
	fewPolls  = 5                // idle polls after which the stream is looked at as a whole
	patience  = 30 * time.Second // with a server that does not answer, when nothing follows
)

// ReplayRequest says which events are wanted. The zero value means all there
// are, and then the end.
type ReplayRequest struct {
	// Since leaves out what was stored before; zero: nothing.
	Since time.Time
	// Last leaves out all but the newest; at most 10,000; 0: nothing.
	Last int
	// Upstream leaves out what is not about it; empty: nothing.
	Upstream string
	// Follow goes on with what happens, after ErrCaughtUp.
	Follow bool
}

// StoredEvent is one event of the stream.
type StoredEvent struct {
	// ID is unique: an event that was sent twice has it twice.
	ID string
	// Type is like weir.health.v1.flip.
	Type    string
	Subject string
	// Time is when it happened; when that is unknown, when it was stored.
	Time time.Time
	Body []byte
	// Sequence counts what was stored; later events have higher ones.
	Sequence uint64
}

// Replay is a walk through the stream. It asks for what it needs, some hundred
// events at a time, from where it stands: neither a reconnect nor a restart of
// the server makes it lose or repeat an event. It is for one goroutine.
type Replay struct {
	source *source
	want   ReplayRequest
	match  filter

	oldest  time.Time
	cutOff  bool
	created time.Time // of the stream: another one counts anew
	stored  time.Time // when the last event was stored that was fetched; zero = none was

	cursor uint64        // the next sequence to ask for
	buffer []StoredEvent // fetched and not returned
	atEnd  bool          // there was nothing beyond the last fetch
	told   bool          // that the past is told
	idle   int           // polls without an event or a hint
	vain   int           // looks without an event

	wake   chan struct{}
	hints  []*nats.Subscription
	ending func() bool
}

// Replay begins to read the stream. ctx ends it, as Close does; one of them is
// needed. The errors: ErrConfig, ErrNotConnected, ErrNoStream, ErrNotAllowed, ErrTooOld.
func (b *Bus) Replay(ctx context.Context, want ReplayRequest) (*Replay, error) {
	return openReplay(ctx, &source{conn: b.link.Conn, prefix: b.cfg.Prefix, stream: StreamName(b.cfg.Prefix)}, want)
}

func openReplay(ctx context.Context, s *source, want ReplayRequest) (*Replay, error) {
	if want.Last < 0 || want.Last > maxLast {
		return nil, fmt.Errorf("%w: the last %d events; want 0 to %d", ErrConfig, want.Last, maxLast)
	}
	match, err := newFilter(s.prefix, want.Upstream)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	r := &Replay{source: s, want: want, match: match, wake: make(chan struct{}, 1)}
	if want.Follow {
		// Before the first look: what is stored meanwhile gives a hint.
		for _, subject := range match.subjects {
			sub, err := s.conn.Subscribe(subject, r.hint)
			if err != nil {
				r.Close()
				return nil, connError("follow events", err)
			}
			r.hints = append(r.hints, sub)
		}
	}
	if err := r.begin(ctx); err != nil {
		r.Close()
		return nil, err
	}
	r.ending = context.AfterFunc(ctx, r.unsubscribe)
	return r, nil
}

// hint is called when an event passes. It is nothing but a reason to look: what
// is returned comes from the stream, in its order.
func (r *Replay) hint(*nats.Msg) {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Oldest is the time of the oldest event in the stream when the replay began;
// zero when there was none.
func (r *Replay) Oldest() time.Time { return r.oldest }

// CutOff tells whether events that were asked for may be gone: removed for their
// age, for the size of the stream, or because there were too many of one
// subject. False means that none is.
func (r *Replay) CutOff() bool { return r.cutOff }

// Next returns the next event. After the past it returns io.EOF, or with Follow
// ErrCaughtUp, once, and then waits for what happens. It waits for a lost
// connection too: with Follow until ctx is done, else for 30 s. An error of ctx
// loses nothing: the next call goes on.
func (r *Replay) Next(ctx context.Context) (StoredEvent, error) {
	var failing time.Time
	for {
		if len(r.buffer) > 0 {
			e := r.buffer[0]
			r.buffer = r.buffer[1:]
			r.idle, r.vain = 0, 0
			return e, nil
		}
		if r.atEnd {
			r.atEnd = false
			switch {
			case !r.want.Follow:
				r.atEnd = true
				return StoredEvent{}, io.EOF
			case !r.told:
				r.told = true
				return StoredEvent{}, ErrCaughtUp
			}
			if err := r.wait(ctx); err != nil {
				return StoredEvent{}, err
			}
		}
		switch err := r.fetch(ctx); {
		case err == nil:
			failing = time.Time{}
		case ctx.Err() != nil:
			return StoredEvent{}, ctx.Err()
		case !passing(err):
			return StoredEvent{}, err
		case failing.IsZero():
			failing = time.Now()
		case !r.want.Follow && time.Since(failing) > patience:
			return StoredEvent{}, err
		default:
			if err := pauseFor(ctx, firstPause); err != nil {
				return StoredEvent{}, err
			}
		}
	}
}

// passing tells whether an error may go away by itself.
func passing(err error) bool {
	return errors.Is(err, ErrNotConnected) || errors.Is(err, ErrNoStream) || errors.Is(err, errNoAnswer)
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// wait returns when it is worth to look again. A hint comes when the event is
// published, which may be a moment before it is stored: hence the second look
// soon after it, and the third.
func (r *Replay) wait(ctx context.Context) error {
	r.idle++
	r.vain++
	pause := pollEvery
	switch r.idle {
	case 1:
		pause = 20 * time.Millisecond
	case 2:
		pause = 100 * time.Millisecond
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.wake:
		r.idle = 0
	case <-time.After(pause):
	}
	return nil
}

// fetch gets what comes next.
func (r *Replay) fetch(ctx context.Context) error {
	// Hints without an event are a reason too: the stream may count anew.
	if r.vain > 0 && r.vain%fewPolls == 0 {
		if err := r.look(ctx); err != nil {
			return err
		}
	}
	got, err := r.source.fetch(ctx, batch{Seq: r.cursor, Batch: batchSize, MaxBytes: batchBytes})
	r.keep(got)
	return err
}

// keep takes what was fetched, also when the fetch broke off.
func (r *Replay) keep(got page) {
	for _, e := range got.events {
		if r.match.has(e.Subject) {
			r.buffer = append(r.buffer, e)
		}
	}
	r.cursor = max(r.cursor, got.last+1)
	if got.last > 0 {
		r.stored = got.stored
	}
	r.atEnd = got.end
}

// look notices that the stream was made anew, whose sequences begin again; or that it
// lost its end, as it may when the machine does, and gives the numbers of what was
// lost to what comes now.
func (r *Replay) look(ctx context.Context) error {
	info, err := r.source.info(ctx, "")
	switch {
	case err != nil:
		return err
	case !info.Created.Equal(r.created):
		r.created, r.cursor = info.Created, max(1, info.State.FirstSeq)
	case info.State.LastSeq+1 < r.cursor && r.stored.IsZero():
		r.cursor = info.State.LastSeq + 1
	case info.State.LastSeq+1 < r.cursor:
		next, err := r.firstSince(ctx, r.stored.Add(1), info.State.LastSeq)
		if err != nil {
			return err
		}
		r.cursor = next
	}
	return nil
}

// Close ends the replay. It may be called more than once.
func (r *Replay) Close() {
	if r.ending != nil {
		r.ending()
	}
	r.unsubscribe()
}

func (r *Replay) unsubscribe() {
	for _, sub := range r.hints {
		_ = sub.Unsubscribe() // it ended already, or the connection did
	}
}
