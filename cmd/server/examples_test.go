package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exampleNames are the names that the comments of tls.yaml make certificates for.
var exampleNames = []string{"shop.test", "blog.test", "stock.internal", "weir"}

// writeFamily writes an authority, ca, and a certificate of it for each name.
func writeFamily(t *testing.T, dir string, names ...string) {
	t.Helper()
	begin := time.Now()
	var ca *x509.Certificate
	var signer *ecdsa.PrivateKey
	for i, name := range append([]string{"ca"}, names...) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		own := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name},
			NotBefore: begin, NotAfter: begin.Add(30 * 24 * time.Hour)}
		if ca == nil {
			own.IsCA, own.BasicConstraintsValid, own.KeyUsage = true, true, x509.KeyUsageCertSign
			ca, signer = own, key
		} else {
			own.DNSNames = []string{name}
		}
		der, err := x509.CreateCertificate(rand.Reader, own, ca, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, filepath.Join(dir, name+".pem"), "CERTIFICATE", der)
		writePEM(t, filepath.Join(dir, name+".key"), "PRIVATE KEY", pkcs8)
	}
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestExamplesPassTheCheck checks the examples as a newcomer does, after the
// certificates were made that their comments make, and with credentials for NATS.
func TestExamplesPassTheCheck(t *testing.T) {
	root, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"*.yaml", "*/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "certs"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFamily(t, filepath.Join(dir, "certs"), exampleNames...)
	creds := "-----BEGIN NATS USER JWT-----\n...\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\n...\n------END USER NKEY SEED------\n"
	if err := os.WriteFile(filepath.Join(dir, "weir.creds"), []byte(creds), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimPrefix(file, root+"/")
		t.Run(name, func(t *testing.T) {
			if code, out, stderr := command(t, "check", "-c", filepath.Join(dir, name)); code != 0 || strings.Contains(out, "warning") {
				t.Errorf("status %d\n%s%s", code, out, stderr)
			}
		})
	}
}

// TestTheCommentsMakeTheCertificatesThatAreUsed holds what is written for openssl
// and what is written for weir together.
func TestTheCommentsMakeTheCertificatesThatAreUsed(t *testing.T) {
	text, err := os.ReadFile("../../examples/tls.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, names, _ := strings.Cut(string(text), "for name in ")
	names, _, found := strings.Cut(names, "; do")
	if !found || names != strings.Join(exampleNames, " ") {
		t.Errorf("the comments of tls.yaml make %q; these tests make %q", names, exampleNames)
	}
}

func TestThePeerInTheCommentsCompiles(t *testing.T) {
	text, err := os.ReadFile("../../examples/grpc.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var program strings.Builder
	for line := range strings.Lines(string(text)) {
		if code, found := strings.CutPrefix(line, "#|"); found {
			program.WriteString(strings.TrimPrefix(code, " "))
		}
	}
	file := filepath.Join(t.TempDir(), "peer.go")
	if err := os.WriteFile(file, []byte(program.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil || program.Len() == 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
