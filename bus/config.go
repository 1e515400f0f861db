package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// Defaults of Config.
const (
	DefaultAddr           = "127.0.0.1:4222"
	DefaultPrefix         = "weir"
	DefaultMaxMemory      = 64 << 20
	DefaultMaxStore       = 1 << 30
	DefaultMaxConnections = 512
)

// Config sets the embedded server up.
type Config struct {
	// Addr is the host:port to listen at; default 127.0.0.1:4222. Port 0 or -1
	// takes any free one. Only when all of what the host stands for is loopback
	// may clients without credentials connect.
	Addr string
	// Prefix is the first token, or tokens, of every subject; default "weir".
	Prefix string
	// Dir is the data directory; the store is <Dir>/nats. Required.
	Dir string
	// Member is the name of this instance, and of the NATS server. Required.
	Member string
	// OperatorToken is the password of the user "operator". Empty: there is no such user.
	OperatorToken string
	// Open lets clients without credentials do everything, for demonstrations.
	// It is refused off loopback. Default false: they may read.
	Open bool
	// Logger takes what the server has to say: its notices at debug. Required.
	Logger *slog.Logger
	// MaxMemory and MaxStore bound what streams may hold, in bytes; defaults
	// 64 MiB and 1 GiB.
	MaxMemory, MaxStore int64
	// MaxConnections bounds the clients, weir's own connection included; default 512.
	MaxConnections int
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = DefaultAddr
	}
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = DefaultMaxMemory
	}
	if c.MaxStore == 0 {
		c.MaxStore = DefaultMaxStore
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = DefaultMaxConnections
	}
	return c
}

// validate reports all faults at once.
func (c Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	token := regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)
	if c.Dir == "" {
		fault("the data directory is missing")
	}
	if c.Logger == nil {
		fault("the logger is missing")
	}
	if !token.MatchString(c.Member) {
		fault("member %q: want 1 to 63 of A-Z a-z 0-9 _ -", c.Member)
	}
	for part := range strings.SplitSeq(c.Prefix, ".") {
		if !token.MatchString(part) {
			fault("prefix %q: want tokens of 1 to 63 of A-Z a-z 0-9 _ - joined by dots", c.Prefix)
			break
		}
	}
	if c.MaxMemory < 0 || c.MaxStore < 0 || c.MaxConnections < 0 {
		fault("limits must not be negative: memory %d, store %d, connections %d", c.MaxMemory, c.MaxStore, c.MaxConnections)
	}
	if c.OperatorToken != "" {
		if err := checkToken(c.OperatorToken); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
