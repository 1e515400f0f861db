package nethttp

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/weirproxy/weir/proxy"
)

// ServerConfig says how clients are served. Of each limit, zero means the
// default and a negative value none.
type ServerConfig struct {
	// Listener describes the address clients come in by; required.
	Listener *proxy.Listener
	// TLS is spoken by every client of the server; nil = by none. It is cloned, and
	// NextProtos are h2 and http/1.1 unless set. What GetConfigForClient returns is
	// used as it is, but for clients that come with a version and suites of TLS that
	// HTTP/2 may not use (RFC 9113, 9.2): these are offered HTTP/1.1 alone. Where clients are asked for certificates (ClientAuth), a request
	// for another host than the client named to TLS gets 421 (RFC 9110, 7.4): the
	// certificate was shown to that one. A client that named none may ask for all, so
	// it must be asked for a certificate that does for all.
	TLS *tls.Config
	// H2C also takes HTTP/2 without TLS, from clients that begin with its preface
	// (RFC 9113, 3.3). It has no meaning with TLS, where the handshake decides.
	H2C bool
	// Logger gets panics (error) and what net/http says (debug); nil = nothing is logged.
	Logger *slog.Logger

	// Clients counts the clients; nil = those of this server alone.
	Clients *Clients
	// MaxConnections bounds how many connections of Clients are open at a time,
	// tunnels among them; default 0, which is no limit, as is a negative value.
	// Beyond, a client gets 503 with X-Weir-Error conn_limit and is closed; with TLS
	// it is just closed.
	MaxConnections int
	// MaxHeadBytes bounds request line and fields; default 64 KiB (over HTTP/2 as
	// that counts them, and some more). Beyond: 431, or over HTTP/2 the end of the
	// connection when a single field is. It cannot be switched off.
	MaxHeadBytes int
	// MaxFields bounds the number of fields; default 100. Beyond: 431.
	MaxFields int
	// MaxH2Streams bounds the requests under way on a connection of HTTP/2
	// (SETTINGS_MAX_CONCURRENT_STREAMS); default 128. Beyond, a stream is reset. It
	// cannot be switched off.
	MaxH2Streams int
	// HeadTimeout bounds the time from a request's first byte to the end of its
	// head, and for a new connection from its start, the TLS handshake included;
	// default 10s. A head that is cut short by it is answered with 408, and ends the
	// connection over HTTP/2.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection is kept between requests; default 75s.
	IdleTimeout time.Duration
	// BodyTimeout bounds each read of a request's body; default 60s. It is not
	// the time for the whole body. Not for tunnels.
	BodyTimeout time.Duration
	// MinBodyRate is how many bytes a second the client must send of a request's
	// body until the response begins, on the average of the time that was waited for
	// it, from the sixth second on; default 0, which is no limit, as is a negative
	// value. Slower, it gets 408. Time in which the peer does not take what came does
	// not count. Not for calls of gRPC, whose clients may be silent for long before
	// they get an answer, nor for tunnels.
	MinBodyRate int
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
	if c.MaxH2Streams <= 0 {
		c.MaxH2Streams = 128
	}
	c.MinBodyRate = max(c.MinBodyRate, 0)
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
