package health

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/weirproxy/weir/messages"
)

// tlsSettings is what https probes need for their handshakes.
type tlsSettings struct {
	// serverName is sent and verified; empty = the host of the peer's address.
	serverName string
	skipVerify bool
	ca         string // PEM file; empty = the system's authorities

	mu    sync.Mutex
	roots *x509.CertPool // of ca, once it could be read
}

func newTLSSettings(h messages.HTTPCheck) *tlsSettings {
	s := &tlsSettings{serverName: hostOf(h.Host), skipVerify: h.SkipVerify, ca: h.CA}
	// Read ahead; a failure is reported by the probes, which try again.
	_, _ = s.authorities()
	return s
}

// config returns the configuration for a handshake with the peer at addr.
func (s *tlsSettings) config(addr string) (*tls.Config, error) {
	roots, err := s.authorities()
	if err != nil {
		return nil, err
	}
	name := s.serverName
	if name == "" {
		name = hostOf(addr)
	}
	if strings.HasPrefix(addr, unixPrefix) && s.serverName == "" {
		name = "localhost"
	}
	return &tls.Config{ServerName: name, RootCAs: roots, InsecureSkipVerify: s.skipVerify, //nolint:gosec // the operator's choice
		NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}, nil
}

// authorities returns those of the CA file, nil (the system's) without one.
func (s *tlsSettings) authorities() (*x509.CertPool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ca == "" || s.skipVerify || s.roots != nil {
		return s.roots, nil
	}
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, fmt.Errorf("read the ca file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca file %s holds no PEM certificate", s.ca)
	}
	s.roots = roots
	return roots, nil
}

// hostOf returns the host of host:port, or of a host alone, without brackets.
func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return strings.Trim(authority, "[]")
}
