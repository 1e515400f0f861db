package nethttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/weirproxy/weir/messages"
)

// The names of HTTP in the TLS handshake (RFC 7301, 6; RFC 9113, 3.2).
const (
	h1Name = "http/1.1"
	h2Name = "h2"
)

var (
	// errNoTLS is returned when nothing can make a TLS configuration.
	errNoTLS = errors.New("nothing here can speak TLS with peers")
	// errNoName is returned when the name to ask for is that of the request's host, which has none.
	errNoName = errors.New("the request has no host whose name TLS could ask for")
	// errNotOffered is returned when HTTP/2 was asked for and not agreed on.
	errNotOffered = errors.New("the peer does not offer HTTP/2 (h2) in the TLS handshake")

	errNotTrusted   = errors.New("the peer's certificate is not trusted")
	errWrongName    = errors.New("the peer's certificate is for another name")
	errOutOfDate    = errors.New("the peer's certificate has expired or is not valid yet")
	errBadCert      = errors.New("the peer's certificate is not valid")
	errSpeaksNoTLS  = errors.New("the peer does not speak TLS")
	errNoCommon     = errors.New("the peer and weir have no version or cipher of TLS in common")
	errCertRefused  = errors.New("the peer refuses weir's client certificate, or wants one")
	errNameRefused  = errors.New("the peer does not know the name that it was asked for")
	errCutHandshake = errors.New("the peer ended the connection within the TLS handshake")
	errHandshake    = errors.New("the TLS handshake failed")
)

// handshake makes TLS on a connection to a peer. The error is a *dialError.
func (s *peerPools) handshake(ctx context.Context, socket net.Conn, key poolKey) (*tls.Conn, error) {
	if key.server == messages.HostServerName {
		return nil, &dialError{messages.CodeTLS, errNoName}
	}
	if s.deps.TLS == nil {
		return nil, &dialError{messages.CodeTLS, errNoTLS}
	}
	cfg, err := s.deps.TLS(key.server)
	if err != nil {
		return nil, &dialError{messages.CodeTLS, fmt.Errorf("prepare TLS with %q: %w", key.server, err)}
	}
	if cfg == nil {
		return nil, &dialError{messages.CodeTLS, errNoTLS}
	}
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = key.server
	}
	switch key.alpn {
	case messages.H2:
		cfg.NextProtos = []string{h2Name}
	case messages.H2H1:
		cfg.NextProtos = []string{h2Name, h1Name}
	default:
		cfg.NextProtos = []string{h1Name}
	}
	asked := false
	if len(cfg.Certificates) == 0 && cfg.GetClientCertificate == nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil // there is none to show
		}
	}
	conn := tls.Client(socket, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		if asked && isAlert(err) {
			err = fmt.Errorf("%w: %w", errCertRefused, err) // TLS 1.2 says no more than "handshake failure"
		}
		return nil, handshakeError(ctx, key.server, err)
	}
	if key.alpn == messages.H2 && conn.ConnectionState().NegotiatedProtocol != h2Name {
		return nil, &dialError{messages.CodeTLS, fmt.Errorf("TLS with %q: %w", key.server, errNotOffered)}
	}
	return conn, nil
}

func handshakeError(ctx context.Context, server string, err error) *dialError {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if isTimeout(err) {
		return &dialError{messages.CodeConnectTimeout, fmt.Errorf("TLS handshake with %q: %w", server, err)}
	}
	if !errors.Is(err, errCertRefused) {
		err = fmt.Errorf("%w: %w", handshakeFault(err), err)
	}
	return &dialError{messages.CodeTLS, fmt.Errorf("TLS with %q: %w", server, err)}
}

// handshakeFault says in words of its own what went wrong.
func handshakeFault(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return errNotTrusted
	case errors.As(err, &name):
		return errWrongName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errOutOfDate
	case errors.As(err, &cert), errors.As(err, &invalid):
		return errBadCert
	case errors.As(err, &record):
		return errSpeaksNoTLS
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errCutHandshake
	}
	return alertFault(err)
}

// alertFault knows the alerts of a peer (RFC 8446, 6.2) by their text: crypto/tls
// does not export their type.
func alertFault(err error) error {
	text := err.Error()
	for _, known := range []struct {
		text  string
		fault error
	}{
		{"no application protocol", errNotOffered},
		{"protocol version", errNoCommon},
		{"unsupported versions", errNoCommon},
		{"unsupported protocol version", errNoCommon},
		{"handshake failure", errNoCommon},
		{"insufficient security", errNoCommon},
		{"certificate required", errCertRefused},
		{"bad certificate", errCertRefused},
		{"unsupported certificate", errCertRefused},
		{"revoked certificate", errCertRefused},
		{"expired certificate", errCertRefused},
		{"unknown certificate", errCertRefused},
		{"access denied", errCertRefused},
		{"unrecognized name", errNameRefused},
	} {
		if strings.Contains(text, known.text) {
			return known.fault
		}
	}
	return errHandshake
}

// alertError is alertFault with what the peer said.
func alertError(alert error) error { return fmt.Errorf("%w: %w", alertFault(alert), alert) }

// isAlert tells whether err is an alert of the peer. After the handshake, it is how
// TLS 1.3 says that it refused the client's certificate.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
