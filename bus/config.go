package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

// Defaults of Config.
const (
	DefaultAddr           = "127.0.0.1:4222"
	DefaultPrefix         = "weir"
	DefaultMaxMemory      = 64 << 20
	DefaultMaxStore       = 1 << 30
	DefaultMaxConnections = 512
	DefaultEventsAge      = 168 * time.Hour
	DefaultEventsBytes    = 256 << 20
	DefaultEventsEach     = 100
	DefaultDuplicates     = 2 * time.Minute
)

// Config says which NATS weir uses: with an empty URL the one that runs inside
// this process (embedded), else one that others run (external).
type Config struct {
	// URL names the servers of an external NATS, with commas between them:
	// "nats://h1:4222,tls://h2:4222". It may carry user:password@ or token@.
	// Empty: embedded.
	URL string
	// Auth and TLS are for an external NATS.
	Auth Auth
	TLS  TLS
	// Events sets the stream of events up, in both modes.
	Events Events

	// Addr is the host:port to listen at; default 127.0.0.1:4222. Port 0 or -1
	// takes any free one. Only when all of what the host stands for is loopback
	// may clients without credentials connect. Embedded only.
	Addr string
	// Prefix is the first token, or tokens, of every subject; default "weir".
	Prefix string
	// Dir is the data directory; the store is <Dir>/nats. Required when
	// embedded; an external NATS keeps nothing there.
	Dir string
	// Member is the name of this instance, and of the embedded server. Required.
	Member string
	// OperatorToken is the password of the user "operator". Empty: there is no
	// such user. An external NATS has users of its own and does not get it.
	OperatorToken string
	// Open lets clients without credentials do everything, for demonstrations.
	// It is refused off loopback. Default false: they may read. Embedded only.
	Open bool
	// Logger takes what the server has to say: its notices at debug. Required.
	Logger *slog.Logger
	// MaxMemory and MaxStore bound what streams may hold, in bytes; defaults
	// 64 MiB and 1 GiB. Embedded only.
	MaxMemory, MaxStore int64
	// MaxConnections bounds the clients, weir's own connection included; default
	// 512. Embedded only.
	MaxConnections int
}

// Auth is how weir shows who it is to an external NATS: one of these, or
// nothing. A user with a password, or a token, may be in the URL instead.
type Auth struct {
	// User and Password go together.
	User, Password string
	// Creds is a credentials file: a JWT and the seed of its key.
	Creds string
	// NKey is a file with the seed of an NKey.
	NKey string
}

// TLS is how weir speaks TLS to an external NATS. What is empty is the
// system's; any file makes TLS required. Files are read at each connect.
type TLS struct {
	// CA is a PEM file of the authorities that may sign.
	CA string
	// Cert and Key are PEM files of weir's own certificate; both or none.
	Cert, Key string
}

// Events bounds the stream of events. Zero means the default.
type Events struct {
	// MaxAge is how long events are kept; default 168h.
	MaxAge time.Duration
	// MaxBytes is how much they may take, in bytes; default 256 MiB. The oldest
	// go first.
	MaxBytes int64
	// PerSubject is how many are kept of one subject, that is of one peer; default 100.
	PerSubject int
	// Duplicates is how long an id is remembered, so that an event that was sent
	// twice is stored once; default 2m. At least the time for which the outbox
	// sends an event again.
	Duplicates time.Duration
	// Replicas is on how many servers each event is; default 1.
	Replicas int
}

func orDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	orDefault(&c.Prefix, DefaultPrefix)
	orDefault(&c.Events.MaxAge, DefaultEventsAge)
	orDefault(&c.Events.MaxBytes, DefaultEventsBytes)
	orDefault(&c.Events.PerSubject, DefaultEventsEach)
	orDefault(&c.Events.Duplicates, min(DefaultDuplicates, c.Events.MaxAge))
	orDefault(&c.Events.Replicas, 1)
	if c.external() {
		return c
	}
	orDefault(&c.Addr, DefaultAddr)
	orDefault(&c.MaxMemory, DefaultMaxMemory)
	orDefault(&c.MaxStore, DefaultMaxStore)
	orDefault(&c.MaxConnections, DefaultMaxConnections)
	return c
}

func (c Config) external() bool { return c.URL != "" }

// validate reports all faults at once.
func (c Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if c.Logger == nil {
		fault("the logger is missing")
	}
	if !tokenPattern().MatchString(c.Member) {
		fault("member %q: want 1 to 63 of A-Z a-z 0-9 _ -", c.Member)
	}
	if err := checkPrefix(c.Prefix); err != nil {
		faults = append(faults, err)
	}
	c.Events.check(fault)
	if c.external() {
		c.checkExternal(fault)
		faults = append(faults, checkClient(c.URL, c.Auth, c.TLS)...)
	} else {
		c.checkEmbedded(fault)
	}
	if c.OperatorToken != "" {
		if err := checkToken(c.OperatorToken); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (c Config) checkExternal(fault func(string, ...any)) {
	switch {
	case c.Addr != "":
		fault("an external NATS (url) and an address to listen at (addr %q) exclude each other", c.Addr)
	case c.Open:
		fault("an external NATS (url) has users of its own: it cannot be opened from here")
	case c.MaxMemory != 0 || c.MaxStore != 0 || c.MaxConnections != 0:
		fault("an external NATS (url) has limits of its own: memory, store and connections cannot be set here")
	}
}

func (c Config) checkEmbedded(fault func(string, ...any)) {
	switch {
	case c.Dir == "":
		fault("the data directory is missing")
	case c.Auth != Auth{}:
		fault("credentials (user, creds, nkey) are for an external NATS, and there is no url of one")
	case c.TLS != TLS{}:
		fault("TLS files are for an external NATS, and there is no url of one")
	}
	if c.MaxMemory < 0 || c.MaxStore < 0 || c.MaxConnections < 0 {
		fault("limits must not be negative: memory %d, store %d, connections %d", c.MaxMemory, c.MaxStore, c.MaxConnections)
		return
	}
	if c.Events.MaxBytes > c.MaxStore {
		fault("events may take %d bytes (max_bytes) and the whole store %d: lower the first", c.Events.MaxBytes, c.MaxStore)
	}
	if c.Events.Replicas > 1 {
		fault("%d replicas of events: the embedded server is one", c.Events.Replicas)
	}
}

func (e Events) check(fault func(string, ...any)) {
	const least = 64 << 10
	switch {
	case e.MaxAge < time.Second:
		fault("events: the age (max_age) is %v, at least 1s is wanted", e.MaxAge)
	case e.MaxBytes < least:
		fault("events: the size (max_bytes) is %d bytes, at least %d are wanted", e.MaxBytes, least)
	case e.PerSubject < 1:
		fault("events: %d of each subject; at least 1 is wanted", e.PerSubject)
	case e.Duplicates < 100*time.Millisecond || e.Duplicates > e.MaxAge:
		fault("events: the window for duplicates is %v; want 100ms to the age of %v", e.Duplicates, e.MaxAge)
	case e.Replicas < 1 || e.Replicas > 5:
		fault("events: %d replicas; want 1 to 5", e.Replicas)
	}
}

func tokenPattern() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`) }

// checkPrefix refuses what is no beginning of subjects, or belongs to NATS.
func checkPrefix(prefix string) error {
	token := tokenPattern()
	for part := range strings.SplitSeq(prefix, ".") {
		if !token.MatchString(part) {
			return fmt.Errorf("%w: prefix %q: want tokens of 1 to 63 of A-Z a-z 0-9 _ - joined by dots", ErrConfig, prefix)
		}
	}
	switch {
	case strings.HasPrefix(prefix, "_"):
		return fmt.Errorf("%w: prefix %q: what begins with _ belongs to NATS (_INBOX and others)", ErrConfig, prefix)
	case len(prefix) > maxPrefix:
		return fmt.Errorf("%w: prefix %q: it has more than %d characters", ErrConfig, prefix, maxPrefix)
	}
	return nil
}
