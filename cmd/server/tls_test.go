package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair writes a self-signed certificate for names, and its key.
func writePair(t *testing.T, dir, name string, serial int64, days int, names ...string) (cert []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-90 * 24 * time.Hour), NotAfter: time.Now().Add(time.Duration(days) * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, text := range map[string][]byte{name + ".key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), name + ".pem": cert} {
		if err := os.WriteFile(filepath.Join(dir, file+".new"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, file+".new"), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	return cert
}

// tlsClient trusts the certificates given, and asks for a name.
func tlsClient(t *testing.T, name string, http2 bool, trusted ...[]byte) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	for _, cert := range trusted {
		pool.AppendCertsFromPEM(cert)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name}, ForceAttemptHTTP2: http2}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// fetch gets / and returns the response with its body.
func (s *site) fetch(client *http.Client) (resp *http.Response, body string, err error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "https://"+s.listener+"/", nil)
	if err != nil {
		return nil, "", err
	}
	if resp, err = client.Do(req); err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestAListenerSpeaksTLSAndTakesNewCertificates(t *testing.T) {
	addr, _ := peer(t, "a")
	s := newPlace(t)
	shop := writePair(t, s.dir, "shop", 1, 60, "shop.test")
	blog := writePair(t, s.dir, "blog", 2, 6, "blog.test")
	pair := func(name string) string {
		return "{cert: " + filepath.Join(s.dir, name+".pem") + ", key: " + filepath.Join(s.dir, name+".key") + "}"
	}
	text := "listeners: [{addr: \"" + s.listener + "\", tls: {certs: [" + pair("shop") + ", " + pair("blog") + "]}}]\n" + s.own() +
		"watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + addr + "\"]}}\n"
	s.begin(text)
	if _, out, _ := command(t, "check", "-c", s.file); !strings.Contains(out, "blog.pem") {
		t.Errorf("weir check says nothing of a certificate that ends in 6 days:\n%s", out)
	}

	for _, tt := range []struct {
		name  string
		http2 bool
		cert  []byte
		proto string
	}{{"shop.test", true, shop, "HTTP/2.0"}, {"shop.test", false, shop, "HTTP/1.1"}, {"blog.test", true, blog, "HTTP/2.0"}} {
		resp, body, err := s.fetch(tlsClient(t, tt.name, tt.http2, tt.cert))
		if err != nil || body != "a" || resp.Proto != tt.proto {
			t.Errorf("%s: %v, %q", tt.name, err, body)
		}
	}
	if _, _, err := s.fetch(tlsClient(t, "blog.test", true, shop)); err == nil {
		t.Error("blog.test showed the certificate of shop.test")
	}

	// A connection that is open stays, new ones see what the files have now.
	old := tlsClient(t, "shop.test", true, shop)
	if _, _, err := s.fetch(old); err != nil {
		t.Fatal(err)
	}
	next := writePair(t, s.dir, "shop", 3, 90, "shop.test")
	eventually(t, "new connections get the new certificate", func() bool {
		resp, _, err := s.fetch(tlsClient(t, "shop.test", true, next))
		return err == nil && resp.TLS.PeerCertificates[0].SerialNumber.Int64() == 3
	})
	if resp, _, err := s.fetch(old); err != nil || resp.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Errorf("the connection that was open: %v", err)
	}
	eventually(t, "events tell of both certificates", func() bool {
		_, out, _ := command(t, "events", "--admin", s.adminURL, "--since", "1h", "--no-follow")
		return strings.Contains(out, "shop.pem  reloaded") && strings.Contains(out, "blog.pem  expiring")
	})
	_, _, metrics := get(t, s.adminURL+"/metrics")
	for _, want := range []string{"weir_tls_certificate_not_after_seconds{file=\"" + filepath.Join(s.dir, "shop.pem") + "\"}", "weir_client_tls_handshake_duration_seconds_count{listener=\"" + s.listener + "\"}"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}

	if log := s.instance.stderr.String(); !strings.Contains(log, "blog.pem: it ends at") || !strings.Contains(log, "shop.pem: it is signed by itself") {
		t.Errorf("the log has no warnings of the certificates:\n%s", log)
	}

	// One that has ended is not taken, shows as what is wrong, and keeps no reload back.
	writePair(t, s.dir, "blog", 4, -1, "blog.test")
	eventually(t, "a certificate that has ended is refused", func() bool {
		_, _, ready := get(t, s.adminURL+"/readyz")
		return strings.Contains(ready, `"ready":true`) && strings.Contains(ready, "blog.pem is the one of before") && strings.Contains(ready, "it ended at")
	})
	if _, body, err := s.fetch(tlsClient(t, "blog.test", true, blog)); err != nil || body != "a" {
		t.Errorf("the certificate of before: %v", err)
	}
	s.write(strings.Replace(text, "web: {addrs", "other: {addrs: [\"127.0.0.1:1\"]}, web: {addrs", 1))
	if code, out, stderr := s.reload(); code != 0 || !strings.Contains(out, "upstream other added") {
		t.Errorf("status %d, %s%s", code, out, stderr)
	}

	// Nor does one that is damaged; but weir would not start with it.
	if err := os.WriteFile(filepath.Join(s.dir, "blog.pem"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := s.reload(); code != 0 || !strings.Contains(out, "warning: listeners[0].tls.certs[1].cert: ") || !strings.Contains(out, "would not start with this") {
		t.Errorf("status %d, %s%s", code, out, stderr)
	}

	// A reload that asks for files that are not there changes nothing.
	s.write(strings.Replace(text, "blog.pem", "gone.pem", 1))
	if code, _, stderr := s.reload(); code != 1 || !strings.Contains(stderr, "gone.pem") {
		t.Errorf("status %d, %s", code, stderr)
	}
	if _, body, err := s.fetch(tlsClient(t, "blog.test", true, blog)); err != nil || body != "a" {
		t.Errorf("after a refused reload: %v", err)
	}
	eventually(t, "an event tells of the certificate that was refused", func() bool {
		_, out, _ := command(t, "events", "--admin", s.adminURL, "--since", "1h", "--no-follow")
		return strings.Contains(out, "blog.pem  refused")
	})
	if bytes.Equal(shop, next) {
		t.Fatal("the certificates are the same")
	}
}

func TestLimitsOfAListener(t *testing.T) {
	addr, _ := peer(t, "a")
	s := newPlace(t)
	s.begin("listeners: [{addr: \"" + s.listener + "\", limits: {max_connections: 1, max_head: 2KiB, max_fields: 5}}]\n" + s.own() +
		"watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + addr + "\"]}}\n")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func(client *http.Client, fields map[string]string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.listener+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			req.Header.Set(name, value)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0 // refused before it asked
		}
		_, _ = io.Copy(io.Discard, resp.Body) // else the connection is closed
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	first, err := net.Dial("tcp", s.listener)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a second connection is refused", func() bool {
		second, err := net.Dial("tcp", s.listener)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = second.Close() }()
		_ = second.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // nothing comes where it is not refused
		head := make([]byte, len("HTTP/1.1 503"))
		_, err = io.ReadFull(second, head)
		return err == nil && string(head) == "HTTP/1.1 503"
	})
	_ = first.Close()
	eventually(t, "the first is gone", func() bool { return ask(client, nil) == 200 })
	long := map[string]string{"X-Long": strings.Repeat("x", 4096)}
	eventually(t, "a long head is refused", func() bool { return ask(client, long) == 431 })
	many := map[string]string{}
	for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
		many[name] = "x"
	}
	eventually(t, "many fields are refused, once the connection before is gone", func() bool { return ask(client, many) == 431 })
}
