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

// tlsSettings is what https probes need for their handshakes. Files are read again
// when they change.
type tlsSettings struct {
	// serverName is sent and verified; empty = the host of the peer's address.
	serverName string
	skipVerify bool
	ca         string // PEM file; empty = the system's authorities
	cert, key  string // PEM files of what is shown; empty = nothing

	mu    sync.Mutex
	roots *x509.CertPool // of ca, once it could be read
	seen  os.FileInfo    // how ca was then
}

func newTLSSettings(h messages.HTTPCheck) *tlsSettings {
	s := &tlsSettings{serverName: hostOf(h.Host), skipVerify: h.SkipVerify, ca: h.CA, cert: h.ClientCert, key: h.ClientKey}
	if h.Host == "" {
		s.serverName = h.ServerName
	}
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
	c := &tls.Config{ServerName: name, RootCAs: roots, InsecureSkipVerify: s.skipVerify, //nolint:gosec // the operator's choice
		NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if s.cert != "" {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(s.cert, s.key)
			if err != nil {
				return nil, fmt.Errorf("read the client certificate: %w", err)
			}
			return &pair, nil
		}
	}
	return c, nil
}

// authorities returns those of the CA file, nil (the system's) without one. While
// the file cannot be read, those of before count.
func (s *tlsSettings) authorities() (*x509.CertPool, error) {
	if s.ca == "" || s.skipVerify {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	is, err := os.Stat(s.ca)
	if err == nil && s.seen != nil && os.SameFile(is, s.seen) && is.ModTime().Equal(s.seen.ModTime()) && is.Size() == s.seen.Size() {
		return s.roots, nil
	}
	roots, err := readRoots(s.ca)
	if err != nil {
		if s.roots != nil {
			return s.roots, nil
		}
		return nil, err
	}
	s.roots, s.seen = roots, is
	return roots, nil
}

func readRoots(ca string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read the ca file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca file %s holds no PEM certificate", ca)
	}
	return roots, nil
}

// hostOf returns the host of host:port, or of a host alone, without brackets.
func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return strings.Trim(authority, "[]")
}
