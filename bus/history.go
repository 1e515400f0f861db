package bus

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// filter is which subjects of the stream are wanted. It is applied here: the
// server takes no more than one subject.
type filter struct {
	subjects []string
}

// newFilter makes the filter for an upstream; empty: for all events.
func newFilter(prefix, upstream string) (filter, error) {
	evt := prefix + ".evt."
	if upstream == "" {
		return filter{subjects: []string{evt + ">"}}, nil
	}
	if !tokenPattern().MatchString(upstream) {
		return filter{}, fmt.Errorf("%w: upstream %q: want 1 to 63 of A-Z a-z 0-9 _ -", ErrConfig, upstream)
	}
	return filter{subjects: []string{
		evt + "health." + upstream + ".>", evt + "eject." + upstream + ".>", evt + "upstream." + upstream, evt + "discovery." + upstream,
	}}, nil
}

func (f filter) has(subject string) bool {
	for _, want := range f.subjects {
		if begin, all := strings.CutSuffix(want, ">"); all && strings.HasPrefix(subject, begin) || subject == want {
			return true
		}
	}
	return false
}

// begin finds the place to start from, and what is missing of the past.
func (r *Replay) begin(ctx context.Context) error {
	info, err := r.source.info(ctx, "")
	if err != nil {
		return err
	}
	state := info.State
	r.created = info.Created
	if state.Msgs > 0 {
		r.oldest = state.FirstTime
	}
	first := max(1, state.FirstSeq)
	if !r.want.Since.IsZero() {
		if first, err = r.firstSince(ctx, r.want.Since, state.LastSeq); err != nil {
			return err
		}
	}
	r.cursor = first
	if r.want.Last > 0 {
		if err := r.collectLast(ctx, first, state.LastSeq); err != nil {
			return err
		}
		r.cursor = state.LastSeq + 1
	}
	r.cutOff, err = r.missing(ctx, info)
	return err
}

// firstSince is the sequence of the first event since then, or the next one to come.
func (r *Replay) firstSince(ctx context.Context, since time.Time, last uint64) (uint64, error) {
	got, err := r.source.fetch(ctx, batch{StartTime: &since, Batch: 1})
	if err != nil {
		return 0, err
	}
	if len(got.events) == 0 {
		return last + 1, nil
	}
	return got.events[0].Sequence, nil
}

// collectLast finds the newest events that match, in order. It reads windows
// from the end backwards, each four times as long as the one before, and never
// anything twice: when they are rare, that is the whole stream once.
func (r *Replay) collectLast(ctx context.Context, first, last uint64) error {
	var found []StoredEvent
	window := uint64(max(r.want.Last, batchSize))
	for end := last; end >= first && len(found) < r.want.Last; window *= 4 {
		begin := first
		if end-first >= window {
			begin = end - window + 1
		}
		part, err := r.between(ctx, begin, end)
		if err != nil {
			return err
		}
		found = append(part, found...)
		if begin == first {
			break
		}
		end = begin - 1
	}
	r.buffer = found[max(0, len(found)-r.want.Last):]
	return nil
}

// between returns the newest of what matches from begin to end, in order.
func (r *Replay) between(ctx context.Context, begin, end uint64) ([]StoredEvent, error) {
	var found []StoredEvent
	for begin <= end {
		got, err := r.source.fetch(ctx, batch{Seq: begin, Batch: batchSize, MaxBytes: batchBytes})
		if err != nil {
			return nil, err
		}
		for _, e := range got.events {
			if e.Sequence <= end && r.match.has(e.Subject) {
				found = append(found, e)
			}
		}
		found = found[max(0, len(found)-r.want.Last):]
		if got.end {
			break
		}
		begin = got.last + 1
	}
	return found, nil
}

// missing tells whether something of what was asked for may have been removed.
func (r *Replay) missing(ctx context.Context, info streamInfo) (bool, error) {
	state := info.State
	removed := state.FirstSeq > 1 || state.Deleted > 0
	switch {
	case !removed:
		return false, nil
	case r.want.Last > 0 && len(r.buffer) == r.want.Last:
		// Of what was removed for there being too many of its subject, that many
		// are newer.
		return state.Deleted > 0 && info.Config.MaxMsgsPerSubject > 0 && int64(r.want.Last) > info.Config.MaxMsgsPerSubject, nil
	case state.FirstSeq > 1 && (state.Msgs == 0 || r.want.Since.Before(state.FirstTime)):
		return true, nil
	case state.Deleted == 0:
		return false, nil
	}
	return r.crowded(ctx, info)
}

// maxLooks bounds the subjects that are looked at one by one.
const maxLooks = 100

// crowded tells whether a subject is at its limit, so that older events of it
// were removed, and the oldest that it has is from within the time asked for.
func (r *Replay) crowded(ctx context.Context, info streamInfo) (bool, error) {
	limit := info.Config.MaxMsgsPerSubject
	if limit <= 0 || info.State.Subjects > 10_000 {
		return true, nil // somebody removed events one by one, or it would cost too much to know
	}
	looks := 0
	for _, subject := range r.match.subjects {
		detail, err := r.source.info(ctx, subject)
		if err != nil {
			return false, err
		}
		for name, n := range detail.State.Counts {
			if n < limit {
				continue
			}
			if looks++; looks > maxLooks {
				return true, nil
			}
			oldest, err := r.source.fetch(ctx, batch{Seq: 1, Batch: 1, Next: name})
			if err != nil {
				return false, err
			}
			if len(oldest.events) == 0 || oldest.stored.After(r.want.Since) {
				return true, nil
			}
		}
	}
	return false, nil
}

// streamInfo is what a replay wants to know of the stream.
type streamInfo struct {
	Config struct {
		MaxMsgsPerSubject int64 `json:"max_msgs_per_subject"`
	} `json:"config"`
	Created time.Time `json:"created"`
	State   struct {
		Msgs      uint64           `json:"messages"`
		FirstSeq  uint64           `json:"first_seq"`
		FirstTime time.Time        `json:"first_ts"`
		LastSeq   uint64           `json:"last_seq"`
		Deleted   int              `json:"num_deleted"`
		Subjects  int              `json:"num_subjects"`
		Counts    map[string]int64 `json:"subjects"`
	} `json:"state"`
	Error *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}
