package docker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/dockertest"
)

func TestConfig(t *testing.T) {
	certs := writeCerts(t)
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	fromCerts := TLS{CA: filepath.Join(certs, "ca.pem"), Cert: filepath.Join(certs, "cert.pem"), Key: filepath.Join(certs, "key.pem")}
	lax := fromCerts
	lax.SkipVerify = true
	for name, tt := range map[string]struct {
		cfg  Config
		host string
		tls  TLS
		err  string
	}{
		"nothing said":                     {Config{Getenv: env()}, "unix:///var/run/docker.sock", TLS{}, ""},
		"DOCKER_HOST":                      {Config{Getenv: env("DOCKER_HOST", "tcp://h:1")}, "tcp://h:1", TLS{}, ""},
		"the configuration outranks it":    {Config{Host: "unix:///x", Getenv: env("DOCKER_HOST", "nonsense", "DOCKER_TLS_VERIFY", "1")}, "unix:///x", TLS{}, ""},
		"DOCKER_CERT_PATH, verified":       {Config{Host: "tcp://h:1", Getenv: env("DOCKER_CERT_PATH", certs, "DOCKER_TLS_VERIFY", "1")}, "tcp://h:1", fromCerts, ""},
		"DOCKER_CERT_PATH, not verified":   {Config{Host: "tcp://h:1", Getenv: env("DOCKER_CERT_PATH", certs)}, "tcp://h:1", lax, ""},
		"tls outranks DOCKER_CERT_PATH":    {Config{Host: "tcp://h:1", TLS: fromCerts, Getenv: env("DOCKER_CERT_PATH", "/nowhere")}, "tcp://h:1", fromCerts, ""},
		"DOCKER_TLS_VERIFY alone":          {Config{Host: "tcp://h:1", Getenv: env("DOCKER_TLS_VERIFY", "1")}, "", TLS{}, "DOCKER_CERT_PATH"},
		"a bad DOCKER_HOST is named":       {Config{Getenv: env("DOCKER_HOST", "/var/run/docker.sock")}, "", TLS{}, `$DOCKER_HOST "/var/run/docker.sock": want unix:///path`},
		"ssh":                              {Config{Host: "ssh://me@h", Getenv: env()}, "", TLS{}, "ssh -L"},
		"no host":                          {Config{Host: "tcp://:2375", Getenv: env()}, "", TLS{}, "tcp://HOST:PORT"},
		"a password":                       {Config{Host: "tcp://a:b@h:1", Getenv: env()}, "", TLS{}, "tcp://HOST:PORT"},
		"a path that is relative":          {Config{Host: "unix://x", Getenv: env()}, "", TLS{}, "unix:///path"},
		"tls on a socket":                  {Config{Host: "unix:///x", TLS: fromCerts, Getenv: env()}, "", TLS{}, "tls needs a host"},
		"a certificate without its key":    {Config{Host: "tcp://h:1", TLS: TLS{Cert: fromCerts.Cert}, Getenv: env()}, "", TLS{}, "cert and key go together"},
		"an authority that is not there":   {Config{Host: "tcp://h:1", TLS: TLS{CA: "/nowhere"}, Getenv: env()}, "", TLS{}, "tls: ca: open /nowhere"},
		"an authority that is none":        {Config{Host: "tcp://h:1", TLS: TLS{CA: fromCerts.Key}, Getenv: env()}, "", TLS{}, "holds no certificate"},
		"a peer_addr that there is not":    {Config{PeerAddr: "public", Getenv: env()}, "", TLS{}, `peer_addr "public": want auto, network or published`},
		"a certificate that does not read": {Config{Host: "tcp://h:1", TLS: TLS{Cert: fromCerts.Key, Key: fromCerts.Key}, Getenv: env()}, "", TLS{}, "tls: cert and key"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.cfg.withDefaults()
			if tt.err != "" {
				if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || got.Host != tt.host || got.TLS != tt.tls || got.PeerAddr != PeerAddrAuto {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestEngineOnTCPWithCertificates(t *testing.T) {
	certs := writeCerts(t)
	files := TLS{CA: filepath.Join(certs, "ca.pem"), Cert: filepath.Join(certs, "cert.pem"), Key: filepath.Join(certs, "key.pem")}
	f := dockertest.Start(t)
	f.Put(appContainer("a1", "web", "172.17.0.2"))
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	s := httptest.NewUnstartedServer(f)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()

	for _, scheme := range []string{"tcp", "https"} {
		cfg := plain()
		cfg.Host, cfg.TLS = scheme+"://"+addr, files
		session, err := dockerDialer(withDefaults(t, cfg))(t.Context(), 0)
		if err != nil {
			t.Fatal(scheme, err)
		}
		if list, err := session.list(t.Context()); err != nil || len(list) != 1 || session.remote().IsValid() {
			t.Errorf("%s: list %v, %v, remote %v", scheme, list, err, session.remote())
		}
		session.close()
	}
	for name, change := range map[string]func(*TLS){
		"without the client's certificate": func(t *TLS) { t.Cert, t.Key = "", "" },
		"without the authority":            func(t *TLS) { t.CA = "" },
	} {
		cfg := plain()
		cfg.Host, cfg.TLS = "tcp://"+addr, files
		change(&cfg.TLS)
		if session, err := dockerDialer(withDefaults(t, cfg))(t.Context(), 0); err == nil {
			session.close()
			t.Errorf("%s it connects", name)
		}
	}
}

func TestConnectingGivesUpWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it takes connections, and never answers
	cfg := plain()
	cfg.Host = "tcp://" + l.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := dockerDialer(withDefaults(t, cfg))(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// writeCerts writes an authority, and a certificate of it for both sides, as
// Docker's tools name them.
func writeCerts(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "weir test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"ca.pem": {Type: "CERTIFICATE", Bytes: der}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
