package nethttp

import (
	"log/slog"
	"time"

	"github.com/weirproxy/weir/proxy"
)

// ServerConfig says how clients are served. Of each limit, zero means the
// default and a negative value none.
type ServerConfig struct {
	// Listener describes the address clients come in by; required.
	Listener *proxy.Listener
	// H2C also takes HTTP/2 without TLS, from clients that begin with its preface (RFC 9113, 3.3).
	H2C bool
	// Logger gets panics (error) and what net/http says (debug); nil = nothing is logged.
	Logger *slog.Logger

	// MaxConnections bounds how many connections of clients are open at a time,
	// tunnels among them; default 0, which is no limit, as is a negative value.
	// Beyond, a client gets 503 with X-Weir-Error conn_limit and is closed.
	MaxConnections int
	// MaxHeadBytes bounds request line and fields; default 64 KiB (over h2c as
	// HTTP/2 counts them, and some more). Beyond: 431. It cannot be switched off.
	MaxHeadBytes int
	// MaxFields bounds the number of fields; default 100. Beyond: 431.
	MaxFields int
	// HeadTimeout bounds the time from a request's first byte to the end of its
	// head, and for a new connection from its start; default 10s. A head that is
	// cut short by it is answered with 408.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection is kept between requests; default 75s.
	IdleTimeout time.Duration
	// BodyTimeout bounds each read of a request's body; default 60s. It is not
	// the time for the whole body. Not for tunnels.
	BodyTimeout time.Duration
	// WriteTimeout bounds each write to the client; default 60s. A client that
	// takes nothing for so long is cut. Not for tunnels.
	WriteTimeout time.Duration
}

// withDefaults returns c with every limit set: positive, or 0 for none.
func (c ServerConfig) withDefaults() ServerConfig {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.MaxConnections = max(c.MaxConnections, 0)
	c.MaxHeadBytes = max(orDefault(c.MaxHeadBytes, 64<<10), 0)
	if c.MaxHeadBytes == 0 {
		c.MaxHeadBytes = 64 << 10
	}
	c.MaxFields = orDefault(c.MaxFields, 100)
	c.HeadTimeout = orDefault(c.HeadTimeout, 10*time.Second)
	c.IdleTimeout = orDefault(c.IdleTimeout, 75*time.Second)
	c.BodyTimeout = orDefault(c.BodyTimeout, 60*time.Second)
	c.WriteTimeout = orDefault(c.WriteTimeout, 60*time.Second)
	return c
}

func orDefault[T int | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 0
	}
	return v
}
