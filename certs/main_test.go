package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// today is when the certificates of tests are used: in the middle of their year.
var today = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

func atToday() time.Time { return today }

// rsaKey is one for all: making it takes long.
var rsaKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func ecdsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ed25519Key(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issued is a certificate with its key.
type issued struct {
	leaf *x509.Certificate
	key  crypto.Signer
}

// wanted is what a certificate is to be. The zero value is that of an ECDSA key,
// from half a year before today to half a year after.
type wanted struct {
	names    []string
	subject  string // common name
	key      crypto.Signer
	from, to time.Time
	change   func(*x509.Certificate)
}

// issue makes a certificate, signed by an authority, or by itself.
func issue(t testing.TB, by *issued, want wanted) *issued {
	t.Helper()
	if want.key == nil {
		want.key = ecdsaKey(t)
	}
	if want.from.IsZero() {
		want.from = today.Add(-180 * day)
	}
	if want.to.IsZero() {
		want.to = today.Add(180 * day)
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: number.Add(number, big.NewInt(1)), Subject: pkix.Name{CommonName: want.subject}, NotBefore: want.from, NotAfter: want.to,
		DNSNames: want.names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if want.change != nil {
		want.change(template)
	}
	parent, key := template, want.key
	if by != nil {
		parent, key = by.leaf, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, want.key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{leaf, want.key}
}

func isAuthority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.ExtKeyUsage = true, true, nil
	c.KeyUsage = x509.KeyUsageCertSign
}

func newAuthority(t testing.TB, name string) *issued {
	t.Helper()
	return issue(t, nil, wanted{subject: name, change: isAuthority})
}

func (i *issued) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.leaf)
	return pool
}

// cert is the certificate in PEM, followed by others.
func (i *issued) cert(others ...*issued) []byte {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.leaf.Raw})
	for _, other := range others {
		text = append(text, other.cert()...)
	}
	return text
}

func (i *issued) keyPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// put writes a file as one that is read by its owner alone.
func put(t testing.TB, name string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// save writes the files of a pair, and returns their names.
func (i *issued) save(t testing.TB, dir, name string, others ...*issued) Pair {
	t.Helper()
	return Pair{put(t, filepath.Join(dir, name+".pem"), i.cert(others...)), put(t, filepath.Join(dir, name+".key"), i.keyPEM(t))}
}

// told collects notices.
type told struct{ all []Notice }

func (n *told) tell(notice Notice) { n.all = append(n.all, notice) }

// take returns what was told since the last time.
func (n *told) take() []Notice {
	all := n.all
	n.all = nil
	return all
}

func mustServer(t testing.TB, set *Set, o ServerOptions) *Server {
	t.Helper()
	server, err := set.Server("listener :8443", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func mustClient(t testing.TB, set *Set, o ClientOptions) *Client {
	t.Helper()
	client, err := set.Client("upstream api", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func join(texts ...[]byte) []byte { return bytes.Join(texts, nil) }
