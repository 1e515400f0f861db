package bus_test

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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/weirproxy/weir/bus"
	"github.com/weirproxy/weir/internal/natstest"
)

func TestWeirShowsAnNKey(t *testing.T) {
	public, err := os.ReadFile("testdata/user.pub")
	if err != nil {
		t.Fatal(err)
	}
	s := natstest.Start(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: strings.TrimSpace(string(public))}} })
	problem(t, external(t, s.URL(), nil), "refuses weir's credentials")
	well(t, external(t, s.URL(), func(c *bus.Config) { c.Auth.NKey = "testdata/user.nk" }))
}

func TestWeirShowsItsCredentialsFile(t *testing.T) {
	conf, err := os.ReadFile("testdata/operator.conf")
	if err != nil {
		t.Fatal(err)
	}
	s := natstest.Start(t, func(o *server.Options) {
		if err := o.ProcessConfigString(string(conf)); err != nil {
			t.Fatal(err)
		}
	})
	problem(t, external(t, s.URL(), nil), "refuses weir's credentials")
	b := external(t, s.URL(), func(c *bus.Config) { c.Auth.Creds = "testdata/user.creds" })
	well(t, b)
	store(t, b, "weir.evt.x", "1")
	r, err := bus.OpenReader(t.Context(), bus.ReaderConfig{URL: s.URL(), Auth: bus.Auth{Creds: "testdata/user.creds"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	same(t, rest(t, replay(t, r, bus.ReplayRequest{})), numbers(1, 1))
}

// certificate makes one that is its own authority, for 127.0.0.1, and returns its files.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey})))
	return cert, key
}

func TestWeirSpeaksTLS(t *testing.T) {
	serverCert, serverKey := certificate(t, "server")
	weirCert, weirKey := certificate(t, "weir")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	text, err := os.ReadFile(weirCert)
	if err != nil || !trusted.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	s := natstest.Start(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 10
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	})
	well(t, external(t, s.URL(), func(c *bus.Config) { c.TLS = bus.TLS{CA: serverCert, Cert: weirCert, Key: weirKey} }))
	well(t, external(t, "tls://"+s.Addr(), func(c *bus.Config) { c.TLS = bus.TLS{CA: serverCert, Cert: weirCert, Key: weirKey} }))
	problem(t, external(t, s.URL(), func(c *bus.Config) { c.TLS = bus.TLS{Cert: weirCert, Key: weirKey} }), s.URL(), "certificate signed by unknown authority")
	problem(t, external(t, s.URL(), func(c *bus.Config) { c.TLS = bus.TLS{CA: serverCert} }), s.URL(), "certificate required")
	open := natstest.Start(t, nil)
	problem(t, external(t, open.URL(), func(c *bus.Config) { c.TLS.CA = serverCert }), open.URL(), "do not agree on TLS")
}
