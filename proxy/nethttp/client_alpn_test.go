package nethttp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// rsaServer is the certificate of a server whose key is of RSA.
func (ca *listenerCA) rsaServer() tls.Certificate {
	ca.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		ca.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(9), DNSNames: []string{"a"}, NotBefore: ca.cert.NotBefore, NotAfter: ca.cert.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestHTTP2IsNotChosenOverWeakTLS has clients offer both protocols, and only suites
// that RFC 9113, 9.2.2 does not allow for HTTP/2, or cannot be used with the key.
func TestHTTP2IsNotChosenOverWeakTLS(t *testing.T) {
	const (
		cbc, gcm    = tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
		rsaCBC, rsa = tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	)
	ca := newListenerCA(t)
	ofRSA, none := &tls.Config{Certificates: []tls.Certificate{ca.rsaServer()}}, &tls.Config{}
	later, byName := ca.config(), &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &ca.server, nil }}
	later.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: ofRSA.Certificates, NextProtos: []string{"h2", "http/1.1"}}, nil
	}
	narrow, old := ca.config(), ca.config()
	narrow.CipherSuites, old.MaxVersion = []uint16{cbc}, tls.VersionTLS12
	for name, tt := range map[string]struct {
		cfg     *tls.Config
		version uint16
		suites  []uint16
		offers  string
		want    string // "" = no handshake
	}{
		"CBC":                             {ca.config(), tls.VersionTLS12, []uint16{cbc}, "h2 http/1.1", "http/1.1"},
		"CBC, and HTTP/2 alone":           {ca.config(), tls.VersionTLS12, []uint16{cbc}, "h2", ""},
		"GCM":                             {ca.config(), tls.VersionTLS12, []uint16{cbc, gcm}, "h2 http/1.1", "h2"},
		"all of TLS 1.2":                  {ca.config(), tls.VersionTLS12, nil, "h2 http/1.1", "h2"},
		"GCM for another key":             {ca.config(), tls.VersionTLS12, []uint16{cbc, rsa}, "h2 http/1.1", "http/1.1"},
		"GCM for this key":                {ofRSA, tls.VersionTLS12, []uint16{rsaCBC, rsa}, "h2 http/1.1", "h2"},
		"GCM for another key than of RSA": {ofRSA, tls.VersionTLS12, []uint16{rsaCBC, gcm}, "h2 http/1.1", "http/1.1"},
		"a certificate that is looked up": {byName, tls.VersionTLS12, []uint16{cbc, gcm}, "h2 http/1.1", "h2"},
		"the choice for the client":       {later, tls.VersionTLS12, []uint16{rsaCBC, rsa}, "h2 http/1.1", "h2"},
		"CBC and that choice":             {later, tls.VersionTLS12, []uint16{rsaCBC, gcm}, "h2 http/1.1", "http/1.1"},
		"a server with CBC alone":         {narrow, tls.VersionTLS12, nil, "h2 http/1.1", "http/1.1"},
		"a server with TLS 1.2":           {old, tls.VersionTLS13, []uint16{cbc}, "h2 http/1.1", "http/1.1"},
		"CBC, but TLS 1.3 too":            {ca.config(), tls.VersionTLS13, []uint16{cbc}, "h2 http/1.1", "h2"},
		"a server without a certificate":  {none, tls.VersionTLS12, []uint16{cbc, gcm}, "h2 http/1.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			peer := peertest.Start(t)
			h := open(t, plan{server: nethttp.ServerConfig{TLS: tt.cfg}}, peer.Addr())
			cfg := ca.trust("a", strings.Fields(tt.offers)...)
			cfg.MaxVersion, cfg.CipherSuites = tt.version, tt.suites
			if tt.want == "" {
				if c, err := tls.Dial("tcp", h.addr, cfg); err == nil {
					_ = c.Close()
					t.Errorf("shook hands for %q", c.ConnectionState().NegotiatedProtocol)
				}
				return
			}
			w := ca.dial(t, h.addr, cfg)
			if got := negotiated(w); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.want == "h2" {
				w.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
				if kind, _, _ := w.readFrame(); kind != frameSettings {
					t.Errorf("the first frame is %d", kind)
				}
				return
			}
			w.send(askA)
			if resp, _ := w.response("GET"); resp.StatusCode != 200 {
				t.Errorf("got %d", resp.StatusCode)
			}
		})
	}
}
