package nethttp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// listenerCA is an authority and what it certified: a server, and a client.
type listenerCA struct {
	t              testing.TB
	pool           *x509.CertPool
	cert           *x509.Certificate
	key            *ecdsa.PrivateKey
	server, client tls.Certificate
}

func newListenerCA(t testing.TB) *listenerCA {
	t.Helper()
	ca := &listenerCA{t: t, pool: x509.NewCertPool()}
	ca.key = newKey(t)
	self := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, self, self, &ca.key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.pool.AddCert(ca.cert)
	ca.server = ca.issue(2, &x509.Certificate{DNSNames: []string{"a", "b", "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	ca.client = ca.issue(3, &x509.Certificate{Subject: pkix.Name{CommonName: "client"}})
	return ca
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (ca *listenerCA) issue(serial int64, c *x509.Certificate) tls.Certificate {
	ca.t.Helper()
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(serial), ca.cert.NotBefore, ca.cert.NotAfter
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	key := newKey(ca.t)
	der, err := x509.CreateCertificate(rand.Reader, c, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// config is TLS of a listener.
func (ca *listenerCA) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{ca.server}}
}

// trust is TLS of a client that asks for the name and offers the protocols.
func (ca *listenerCA) trust(name string, protos ...string) *tls.Config {
	return &tls.Config{RootCAs: ca.pool, ServerName: name, NextProtos: protos}
}

// file writes the authority's certificate where curl can read it.
func (ca *listenerCA) file() string {
	name := filepath.Join(ca.t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), 0o600); err != nil {
		ca.t.Fatal(err)
	}
	return name
}

// dial shakes hands with a listener.
func (ca *listenerCA) dial(t testing.TB, addr string, cfg *tls.Config) *wire {
	t.Helper()
	c, err := (&tls.Dialer{Config: cfg, NetDialer: &net.Dialer{Timeout: patience}}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, c)
}

// manner is a way to speak with a listener.
type manner struct {
	name       string
	tls, http2 bool
}

func manners() []manner {
	return []manner{{"HTTP/1.1", false, false}, {"HTTP/1.1 over TLS", true, false}, {"h2c", false, true}, {"HTTP/2 over TLS", true, true}}
}

// apply makes the listener one for m.
func (m manner) apply(p *plan, ca *listenerCA) {
	p.server.H2C = m.http2 && !m.tls
	if m.tls {
		p.server.TLS = ca.config()
	}
}

func (m manner) scheme() string {
	if m.tls {
		return "https"
	}
	return "http"
}

// client is a client that speaks in no other way.
func (m manner) client(t testing.TB, ca *listenerCA) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(!m.http2)
	protocols.SetHTTP2(m.http2 && m.tls)
	protocols.SetUnencryptedHTTP2(m.http2 && !m.tls)
	tr := &http.Transport{Protocols: &protocols, TLSClientConfig: ca.trust(""), DisableCompression: true, ExpectContinueTimeout: time.Hour}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// negotiated is the protocol that a connection agreed on.
func negotiated(w *wire) string { return w.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol }
