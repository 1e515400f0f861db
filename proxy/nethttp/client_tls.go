package nethttp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// The protocols that a client chooses from by ALPN (RFC 7301).
const protoHTTP2, protoHTTP1 = "h2", "http/1.1"

var (
	errUnknownProtocol = errors.New("the client chose a protocol that is not served here")
	errWeakForHTTP2    = errors.New("the client chose HTTP/2 with a version or cipher suite of TLS that it does not allow")
)

// plainAnswer is for who speaks HTTP where TLS is spoken.
const plainAnswer = "HTTP/1.1 400 Bad Request\r\nX-Weir-Error: bad_request\r\nCache-Control: no-store\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 65\r\nConnection: close\r\n\r\n" +
	"bad_request: plain HTTP was sent to a port of TLS; use https://\r\n"

// listenerTLS returns cfg as the connections of a server use it: it offers a
// protocol, and tells each connection's wire whether clients are asked for certificates.
func listenerTLS(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{protoHTTP2, protoHTTP1}
	}
	choose, base := cfg.GetConfigForClient, cfg.Clone()
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (chosen *tls.Config, err error) {
		if choose != nil {
			if chosen, err = choose(hello); err != nil {
				return nil, err
			}
		}
		inForce := base
		if chosen != nil {
			inForce = chosen
		}
		if wire, ours := hello.Conn.(*tlsWire); ours {
			wire.asks = inForce.ClientAuth != tls.NoClientCert
		}
		if offersHTTP2(inForce, hello) && isWeak(inForce, hello) {
			return withoutHTTP2(inForce), nil
		}
		return chosen, nil
	}
	return cfg
}

// tlsWire is the connection beneath TLS. It bounds also what crypto/tls writes
// by itself: a client that reads nothing would hold it forever.
type tlsWire struct {
	net.Conn
	timeout time.Duration // of writes without a deadline; 0 = none
	writeBy atomic.Int64  // the deadline that was set, in Unix nanoseconds; 0 = none
	free    atomic.Bool   // a tunnel: no deadlines any more
	asks    bool          // the client is asked for a certificate
}

// SetWriteDeadline sets the deadline of writes.
func (w *tlsWire) SetWriteDeadline(t time.Time) error {
	w.writeBy.Store(nanos(t))
	return w.Conn.SetWriteDeadline(t)
}

// SetDeadline sets the deadlines of reads and writes.
func (w *tlsWire) SetDeadline(t time.Time) error {
	w.writeBy.Store(nanos(t))
	return w.Conn.SetDeadline(t)
}

// Write writes p within the deadline that was set, else within the timeout.
func (w *tlsWire) Write(p []byte) (int, error) {
	if w.timeout > 0 && w.writeBy.Load() == 0 && !w.free.Load() {
		if err := w.Conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
			return 0, err
		}
	}
	return w.Conn.Write(p)
}

// shake makes the handshake, and learns from it how the client begins.
func (c *clientConn) shake(conn *tls.Conn) error {
	began := time.Now()
	if c.in.timeout > 0 {
		_ = conn.SetWriteDeadline(began.Add(c.in.timeout)) // fails on a dead connection, as the handshake will
	}
	err := conn.Handshake()
	if err == nil {
		err = c.settle(conn.ConnectionState())
	}
	if err != nil {
		c.server.counts.handshakesFailed.Add(1)
		c.server.cfg.Logger.Debug("a TLS handshake failed", "listener", c.server.cfg.Listener.Name, "remote", c.remote, "error", err)
		switch {
		case speaksHTTP(err):
			sayGoodbye(c.wire.Conn, plainAnswer)
		case isRefused(err):
			linger(c.wire.Conn, dismissTime) // for the alert
		}
		return err
	}
	c.server.counts.handshakes.Observe(time.Since(began))
	_ = conn.SetWriteDeadline(time.Time{}) // fails on a dead connection, as writes will
	return nil
}

// settle takes what the handshake agreed on.
func (c *clientConn) settle(state tls.ConnectionState) error {
	c.serverName = state.ServerName
	switch state.NegotiatedProtocol {
	case protoHTTP2:
		if !allowsHTTP2(state.Version, state.CipherSuite) {
			return errWeakForHTTP2
		}
		c.in.http2 = prefaceRequired
	case protoHTTP1, "":
		c.in.http2 = prefaceRefused
	default:
		return fmt.Errorf("%w: %q", errUnknownProtocol, state.NegotiatedProtocol)
	}
	return nil
}

// isRefused tells whether a handshake was ended from here, and not by the client, or
// by what is between.
func isRefused(err error) bool {
	var broken net.Error
	return !errors.As(err, &broken) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// speaksHTTP tells whether a handshake failed because HTTP came instead.
func speaksHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) && record.Conn != nil && beginsHTTP(record.RecordHeader)
}

// beginsHTTP tells whether text is the beginning of a request.
func beginsHTTP(text [5]byte) bool {
	switch string(text[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO", "PRI *":
		return true
	}
	return false
}

// misdirected tells whether a request names another host than the client asked for
// by TLS, where the certificate that it had to show was for that (RFC 9110, 7.4). Who
// asked TLS for none showed it to whoever is here, and who names none, as HTTP/1.0
// allows, asks for that one.
func (c *clientConn) misdirected(authority string) bool {
	return c.wire != nil && c.wire.asks && c.serverName != "" && authority != "" && !isNamed(c.serverName, authority)
}

// isNamed tells whether authority is of the host serverName.
func isNamed(serverName, authority string) bool {
	host := authority
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host = host[:colon]
	}
	return strings.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(serverName, "."))
}
