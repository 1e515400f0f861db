package bus

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// maxPending bounds the messages that wait for their acknowledgement.
const maxPending = 256

// depositTimeout is how long an acknowledgement is waited for. A full disk is
// noticed faster, a lost connection too.
const depositTimeout = 5 * time.Second

// deposits are the messages that were sent to the stream and not acknowledged yet.
type deposits struct {
	stream string
	send   func(*nats.Msg) error
	// gone is called when the server says that no stream takes the subject.
	gone    func()
	replyTo string             // what the replies begin with; a number follows
	answers *nats.Subscription // to the replies

	// order is held while a message gets its number and is sent, so that
	// messages of several goroutines are stored in the order of their numbers.
	order sync.Mutex

	mu      sync.Mutex
	last    uint64
	pending map[uint64]deposit
	closed  bool
}

// deposit is one message under way.
type deposit struct {
	done  func(duplicate bool, err error)
	since time.Time
}

// Store sends a message to whoever is subscribed now and to the stream, which
// keeps it. It never waits. nil means that done will be called exactly once,
// from another goroutine, before Close has returned: with nil when the message
// is stored (duplicate: it was before, by its Nats-Msg-Id), with an error that
// is ErrNotStored or ErrUncertain otherwise. done must not block.
//
// An error means that nothing was sent and done will not be called: ErrNoStream
// while the stream is known to be missing or unusable, ErrBusy while 256
// messages wait, ErrNotConnected. Changes tells when to try again.
//
// Messages of one goroutine are stored in the order of its calls.
func (b *Bus) Store(subject string, header map[string]string, body []byte, done func(duplicate bool, err error)) error {
	what := fmt.Sprintf("store on %q", subject)
	msg, err := message(subject, header, body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !b.link.IsConnected() {
		return fmt.Errorf("%s: %w", what, ErrNotConnected)
	}
	if !b.keeper.ready.Load() {
		return fmt.Errorf("%s: %w", what, ErrNoStream)
	}
	if err := b.deposits.put(msg, done); err != nil {
		return connError(what, err)
	}
	return nil
}

// put sends msg and remembers done.
func (d *deposits) put(msg *nats.Msg, done func(bool, error)) error {
	d.order.Lock()
	defer d.order.Unlock()
	n, err := d.add(done)
	if err != nil {
		return err
	}
	msg.Header[nats.ExpectedStreamHdr] = []string{d.stream} // another stream may not answer for ours
	msg.Reply = d.replyTo + strconv.FormatUint(n, 36)
	if err := d.send(msg); err != nil {
		if _, still := d.take(n); still {
			return err
		}
		// The connection broke meanwhile, and done knows it already.
	}
	return nil
}

func (d *deposits) add(done func(bool, error)) (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return 0, ErrNotConnected
	case len(d.pending) >= maxPending:
		return 0, ErrBusy
	}
	d.last++
	d.pending[d.last] = deposit{done: done, since: time.Now()}
	return d.last, nil
}

// take removes a deposit. Whoever gets it calls its done: so it is called once.
func (d *deposits) take(n uint64) (deposit, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.pending[n]
	delete(d.pending, n)
	return p, ok
}

// answered takes the answer to a deposit.
func (d *deposits) answered(msg *nats.Msg) {
	n, err := strconv.ParseUint(strings.TrimPrefix(msg.Subject, d.replyTo), 36, 64)
	if err != nil {
		return // not an answer to one of ours
	}
	p, ok := d.take(n)
	if !ok {
		return // too late
	}
	duplicate, noStream, err := d.judge(msg)
	if noStream {
		d.gone()
	}
	p.done(duplicate, err)
}

// judge reads an acknowledgement.
func (d *deposits) judge(msg *nats.Msg) (duplicate, noStream bool, err error) {
	if msg.Header.Get("Status") == "503" {
		return false, true, fmt.Errorf("%w: there is no stream %s", ErrNotStored, d.stream)
	}
	var ack struct {
		Stream    string `json:"stream"`
		Seq       uint64 `json:"seq"`
		Duplicate bool   `json:"duplicate"`
		Error     *struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	switch err := json.Unmarshal(msg.Data, &ack); {
	case err != nil:
		return false, false, fmt.Errorf("%w: the answer is not an acknowledgement: %w", ErrUncertain, err)
	case ack.Error != nil:
		return false, false, fmt.Errorf("%w: %s (error %d)", ErrNotStored, ack.Error.Description, ack.Error.ErrCode)
	case ack.Stream != d.stream || ack.Seq == 0:
		return false, false, fmt.Errorf("%w: the answer comes from stream %q", ErrUncertain, ack.Stream)
	}
	return ack.Duplicate, false, nil
}

// expire gives up deposits that are older than age; age 0 means all.
func (d *deposits) expire(age time.Duration, why string) {
	now := time.Now()
	var old []deposit
	d.mu.Lock()
	for _, n := range slices.Sorted(maps.Keys(d.pending)) {
		if p := d.pending[n]; now.Sub(p.since) >= age {
			old = append(old, p)
			delete(d.pending, n)
		}
	}
	d.mu.Unlock()
	for _, p := range old {
		p.done(false, fmt.Errorf("%w: %s", ErrUncertain, why))
	}
}

// slow tells whether one waits longer than that. With subscribers but without
// its stream, a message gets no answer at all.
func (d *deposits) slow(age time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.pending {
		if time.Since(p.since) >= age {
			return true
		}
	}
	return false
}

// close takes no more, and gives up what is under way.
func (d *deposits) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.expire(0, "weir stops")
}
