package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxPrefix keeps the name of the stream below the 255 characters that NATS allows.
const maxPrefix = 120

// StreamName returns the name of the stream of events for a prefix: WEIR_EVENTS
// for weir. Names have no dots and look like upper case, so "." becomes "_",
// and what would be taken for another character has "=" before it: an upper
// case letter, and "_" itself. Different prefixes have different names.
func StreamName(prefix string) string {
	var name strings.Builder
	for _, r := range prefix {
		switch {
		case r == '.':
			name.WriteByte('_')
		case r == '_' || r >= 'A' && r <= 'Z':
			name.WriteByte('=')
			name.WriteRune(r)
		default:
			name.WriteString(strings.ToUpper(string(r)))
		}
	}
	return name.String() + "_EVENTS"
}

// markerKey is the metadata by which weir knows a stream that it made.
const markerKey = "weir.events"

// What the stream allows readers. Replays of weir itself need no consumers.
const (
	maxConsumers      = 128
	consumerThreshold = 5 * time.Minute // a consumer that nobody uses is removed
)

// streamConfig is the stream as it should be.
func streamConfig(cfg Config) jetstream.StreamConfig {
	want := jetstream.StreamConfig{
		Name:              StreamName(cfg.Prefix),
		Description:       "events of weir",
		Subjects:          []string{cfg.Prefix + ".evt.>"},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		Replicas:          cfg.Events.Replicas,
		MaxAge:            cfg.Events.MaxAge,
		MaxBytes:          cfg.Events.MaxBytes,
		MaxMsgsPerSubject: int64(cfg.Events.PerSubject),
		Duplicates:        cfg.Events.Duplicates,
		AllowDirect:       true,
		MaxConsumers:      maxConsumers,
		ConsumerLimits:    jetstream.StreamConsumerLimits{InactiveThreshold: consumerThreshold},
		Metadata:          map[string]string{markerKey: "1", "weir.prefix": cfg.Prefix},
	}
	if !cfg.external() {
		// The embedded server syncs each write (see options), which measured
		// 0.23 ms here and is several ms on slow disks: 100,000 first verdicts
		// would take 23 s to minutes, in which they lie in a bounded memory.
		// Acknowledged before they are on the disk, they take 0.8 s. A crash of
		// this process loses what was acknowledged within its last
		// milliseconds, and would lose the memory just the same.
		want.PersistMode = jetstream.AsyncPersistMode
	}
	return want
}

// errForeign is the cause when something that is not ours stands in the way. It
// is never touched.
var errForeign = errors.New("stream of somebody else")

// errLimits is the cause when the stream is usable, but with other limits than configured.
var errLimits = errors.New("limits not changed")

// errUpdated tells that the stream had other limits until now.
var errUpdated = errors.New("limits changed to what is configured")

// ensureStream makes the stream, or its limits, as wanted, and returns what it holds, and whether it was made just now.
func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (state jetstream.StreamState, made bool, err error) {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, want)
		if err != nil {
			return state, false, refusal(ctx, js, want, err)
		}
		return s.CachedInfo().State, true, nil
	}
	if err != nil {
		return state, false, refusal(ctx, js, want, err)
	}
	have := s.CachedInfo().Config
	if err := ours(have, want); err != nil {
		return state, false, err
	}
	want = adopt(have, want)
	if same(have, want) {
		return s.CachedInfo().State, false, nil
	}
	if _, err := js.UpdateStream(ctx, want); err != nil {
		return s.CachedInfo().State, false, fmt.Errorf("%w: %w", errLimits, refusal(ctx, js, want, err))
	}
	return s.CachedInfo().State, false, errUpdated
}

// ours tells whether a stream with our name was made by weir for this prefix.
func ours(have, want jetstream.StreamConfig) error {
	switch {
	case have.Metadata[markerKey] == "":
		return fmt.Errorf("%w: %s was not made by weir; rename or remove it, or give weir another prefix", errForeign, have.Name)
	case !slices.Equal(have.Subjects, want.Subjects):
		return fmt.Errorf("%w: %s takes %s and not %s; rename or remove it, or give weir another prefix",
			errForeign, have.Name, strings.Join(have.Subjects, ", "), want.Subjects[0])
	}
	return nil
}

// adopt keeps of a stream what cannot be changed, and what NATS or an operator
// added to it.
func adopt(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	next := have
	next.Description = want.Description
	next.Replicas, next.MaxAge, next.MaxBytes = want.Replicas, want.MaxAge, want.MaxBytes
	next.MaxMsgsPerSubject, next.Duplicates = want.MaxMsgsPerSubject, want.Duplicates
	next.AllowDirect, next.ConsumerLimits = want.AllowDirect, want.ConsumerLimits
	next.Metadata = maps.Clone(have.Metadata)
	maps.Copy(next.Metadata, want.Metadata)
	return next
}

// same compares what adopt may change.
func same(a, b jetstream.StreamConfig) bool {
	return a.Description == b.Description && a.Replicas == b.Replicas && a.MaxAge == b.MaxAge && a.MaxBytes == b.MaxBytes &&
		a.MaxMsgsPerSubject == b.MaxMsgsPerSubject && a.Duplicates == b.Duplicates && a.AllowDirect == b.AllowDirect &&
		a.ConsumerLimits == b.ConsumerLimits && maps.Equal(a.Metadata, b.Metadata)
}

// Error codes of JetStream that have no name in the client.
const (
	codeOverlap      = 10065
	codeNoStorage    = 10047
	codeNoStorageAll = 10023
	codeBytesNeeded  = 10113
)

// refusal says in words why the stream cannot be looked at, made or changed.
func refusal(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("JetStream is off at this NATS, or for weir's account: %w", err)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("JetStream is off at this NATS: %w", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("JetStream does not answer: it is busy, or weir's user has no rights on $JS.API: %w", err)
	case !errors.As(err, &api):
		return err
	}
	switch int(api.ErrorCode) {
	case codeOverlap:
		return fmt.Errorf("%w: %s is taken by stream %s; change its subjects or remove it, or give weir another prefix",
			errForeign, want.Subjects[0], otherStream(ctx, js, want.Subjects[0]))
	case codeNoStorage, codeNoStorageAll:
		return fmt.Errorf("events may take %d bytes (max_bytes), which is more than NATS has left for streams: lower it, or raise the limit of the server: %w",
			want.MaxBytes, err)
	case codeBytesNeeded:
		return fmt.Errorf("the account wants a size of each stream: %w", err)
	}
	return err
}

// otherStream names whoever has our subjects.
func otherStream(ctx context.Context, js jetstream.JetStream, subject string) string {
	names := js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
	var all []string
	for name := range names.Name() {
		all = append(all, name)
	}
	if len(all) == 0 {
		return "of a name that weir may not see"
	}
	return strings.Join(all, ", ")
}
