package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// How much is asked for at once.
const (
	batchSize  = 1000
	batchBytes = 1 << 20
)

// The times of a question.
const (
	answerTimeout = 5 * time.Second
	deniedEvery   = 100 * time.Millisecond // how often it is looked whether the server refused the question
)

// errNoAnswer is the cause when the server does not answer in time.
var errNoAnswer = errors.New("no answer from JetStream")

// source reads the stream of events. It uses nothing but JetStream's direct get,
// which keeps no state in the server, and the description of the stream.
type source struct {
	conn           *nats.Conn
	prefix, stream string
}

// batch asks for several events at once (NATS ADR-31).
type batch struct {
	Seq       uint64     `json:"seq,omitempty"`
	StartTime *time.Time `json:"start_time,omitempty"`
	Batch     int        `json:"batch"`
	MaxBytes  int        `json:"max_bytes,omitempty"`
	// Next is a subject; empty means all, which costs the server much less than
	// a pattern that matches all.
	Next string `json:"next_by_subj,omitempty"`
}

// page is the answer to a batch.
type page struct {
	events []StoredEvent
	last   uint64    // the sequence of the last event; 0 = there is none
	stored time.Time // when the last event was stored
	end    bool      // there is nothing beyond
}

// check tells whether the server can do what is needed.
func (s *source) check() error {
	if !s.conn.IsConnected() {
		return ErrNotConnected
	}
	version := s.conn.ConnectedServerVersion()
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err == nil && (major < 2 || major == 2 && minor < 11) {
		return fmt.Errorf("%w: it is %s, reading events takes 2.11", ErrTooOld, version)
	}
	return nil
}

// fetch asks for a page. Together with an error it returns what came before it.
func (s *source) fetch(ctx context.Context, want batch) (page, error) {
	var got page
	body, err := json.Marshal(want)
	if err != nil {
		return got, err
	}
	err = s.ask(ctx, "$JS.API.DIRECT.GET."+s.stream, body, func(msg *nats.Msg) (bool, error) {
		switch status := msg.Header.Get("Status"); status {
		case "":
			return false, got.add(msg)
		case "204": // the end of the batch
			got.end = last(msg.Header, "Nats-Num-Pending") == "0"
			return true, nil
		case "404":
			got.end = true
			return true, nil
		default:
			return true, fmt.Errorf("%w: %s %s", errNoAnswer, status, msg.Header.Get("Description"))
		}
	})
	return got, err
}

// last returns the last value of a header. Those of JetStream come after those
// of whoever published.
func last(header nats.Header, name string) string {
	values := header[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// add takes one event. An error means that one was lost on the way; asking
// again from there brings it back.
func (p *page) add(msg *nats.Msg) error {
	seq, err := strconv.ParseUint(last(msg.Header, "Nats-Sequence"), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: a message without a sequence", errNoAnswer)
	}
	if before, err := strconv.ParseUint(last(msg.Header, "Nats-Last-Sequence"), 10, 64); err == nil && before != p.last {
		return fmt.Errorf("%w: the message after %d was lost", errNoAnswer, p.last)
	}
	stored, err := time.Parse(time.RFC3339Nano, last(msg.Header, "Nats-Time-Stamp"))
	if err != nil {
		return fmt.Errorf("%w: a message without a time", errNoAnswer)
	}
	e := StoredEvent{Subject: last(msg.Header, "Nats-Subject"),
		Time: stored, Body: msg.Data, Sequence: seq}
	if values := msg.Header["ce-id"]; len(values) > 0 {
		e.ID = values[0]
	} else {
		e.ID = msg.Header.Get(nats.MsgIdHdr)
	}
	if values := msg.Header["ce-type"]; len(values) > 0 {
		e.Type = values[0]
	}
	if values := msg.Header["ce-time"]; len(values) > 0 {
		if at, err := time.Parse(time.RFC3339Nano, values[0]); err == nil {
			e.Time = at
		}
	}
	p.events = append(p.events, e)
	p.last, p.stored = seq, stored
	return nil
}

// info asks for the description of the stream; subjects, unless empty, for the
// number of events of each subject that matches.
func (s *source) info(ctx context.Context, subjects string) (streamInfo, error) {
	var got streamInfo
	var body []byte
	if subjects != "" {
		var err error
		if body, err = json.Marshal(map[string]string{"subjects_filter": subjects}); err != nil {
			return got, err
		}
	}
	err := s.ask(ctx, "$JS.API.STREAM.INFO."+s.stream, body, func(msg *nats.Msg) (bool, error) {
		if err := json.Unmarshal(msg.Data, &got); err != nil {
			return true, fmt.Errorf("the description of stream %s cannot be read: %w", s.stream, err)
		}
		switch {
		case got.Error == nil:
			return true, nil
		case got.Error.Code == 404:
			return true, fmt.Errorf("%w: %s; is the prefix %q right, and does a weir store its events there?", ErrNoStream, s.stream, s.prefix)
		}
		return true, fmt.Errorf("%w: %s: %s", ErrNoStream, s.stream, got.Error.Description)
	})
	return got, err
}

// ask sends a question and hands the answers to each, until it says that there
// are no more, or has an error.
func (s *source) ask(ctx context.Context, subject string, body []byte, each func(*nats.Msg) (bool, error)) error {
	if !s.conn.IsConnected() {
		return ErrNotConnected
	}
	inbox := s.conn.NewInbox()
	answers, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return connError("ask JetStream", err)
	}
	defer func() { _ = answers.Unsubscribe() }() // it ended already, or the connection did
	if err := s.conn.PublishRequest(subject, inbox, body); err != nil {
		return connError("ask JetStream", err)
	}
	deadline := time.Now().Add(answerTimeout)
	for {
		msg, err := next(ctx, answers, deniedEvery)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			if err := s.silent(subject, deadline); err != nil {
				return err
			}
			continue
		case errors.Is(err, nats.ErrNoResponders), err == nil && len(msg.Data) == 0 && msg.Header.Get("Status") == "503":
			return fmt.Errorf("%w: %s: nobody answers; JetStream is off there, or the stream is not there", ErrNoStream, s.stream)
		case err != nil:
			return connError("ask JetStream", err)
		}
		if done, err := each(msg); done || err != nil {
			return err
		}
		deadline = time.Now().Add(answerTimeout)
	}
}

// silent tells why there is no answer; nil: wait on.
func (s *source) silent(subject string, deadline time.Time) error {
	if err := s.conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `"`+subject+`"`) {
		return fmt.Errorf("%w: NATS does not let this user read stream %s (publish on %s); is the user right, and the prefix %q?", ErrNotAllowed, s.stream, subject, s.prefix)
	}
	switch {
	case !s.conn.IsConnected():
		return ErrNotConnected
	case time.Now().After(deadline):
		return fmt.Errorf("%w %s within %v", errNoAnswer, s.stream, answerTimeout)
	}
	return nil
}

// next waits for a message, for a while.
func next(ctx context.Context, sub *nats.Subscription, while time.Duration) (*nats.Msg, error) {
	short, cancel := context.WithTimeout(ctx, while)
	defer cancel()
	return sub.NextMsgWithContext(short)
}
