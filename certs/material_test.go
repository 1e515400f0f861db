package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func pemBlock(kind string, der []byte, headers map[string]string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der})
}

// TestFilesOfAPair tries what people put into the files of a certificate and its key.
func TestFilesOfAPair(t *testing.T) {
	ca := newAuthority(t, "ca")
	middle := issue(t, ca, wanted{subject: "middle", change: isAuthority})
	leaf := issue(t, middle, wanted{names: []string{"a.test"}})
	other := issue(t, ca, wanted{names: []string{"a.test"}})
	withRSA := issue(t, ca, wanted{names: []string{"a.test"}, key: rsaKey()})
	with25519 := issue(t, ca, wanted{names: []string{"a.test"}, key: ed25519Key(t)})
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(leaf.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey().(*rsa.PrivateKey))
	key := leaf.keyPEM(t)
	for _, test := range []struct {
		name      string
		cert, key []byte
		want      error
		says      string
	}{
		{"ECDSA", leaf.cert(), key, nil, ""},
		{"with its chain", leaf.cert(middle, ca), key, nil, ""},
		{"SEC 1, after its parameters", leaf.cert(), join(pemBlock("EC PARAMETERS", []byte{1}, nil), pemBlock("EC PRIVATE KEY", sec1, nil)), nil, ""},
		{"RSA", withRSA.cert(), withRSA.keyPEM(t), nil, ""},
		{"RSA in PKCS #1", withRSA.cert(), pemBlock("RSA PRIVATE KEY", pkcs1, nil), nil, ""},
		{"Ed25519", with25519.cert(), with25519.keyPEM(t), nil, ""},
		{"words around the blocks", join([]byte("subject=a\n"), leaf.cert(), []byte("\n# end\n")), key, nil, ""},
		{"all in one file", join(key, leaf.cert(middle)), join(key, leaf.cert(middle)), nil, ""},
		{"lines of Windows, with a byte order mark", join([]byte("\xef\xbb\xbf"), bytes.ReplaceAll(leaf.cert(), []byte("\n"), []byte("\r\n"))), key, nil, ""},

		{"the key of another", leaf.cert(), other.keyPEM(t), ErrMismatch, "of another certificate"},
		{"the key of another kind", leaf.cert(), withRSA.keyPEM(t), ErrMismatch, "of another certificate"},
		{"the chain upside down", ca.cert(middle, leaf), key, ErrMismatch, "is number 3 in it; put it first"},
		{"an encrypted key", leaf.cert(), pemBlock("ENCRYPTED PRIVATE KEY", []byte{1}, nil), ErrKey, "decrypt it: openssl pkey"},
		{"a key encrypted in the old way", leaf.cert(), pemBlock("EC PRIVATE KEY", sec1, map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}), ErrKey, "decrypt it"},
		{"a key of OpenSSH", leaf.cert(), pemBlock("OPENSSH PRIVATE KEY", []byte{1}, nil), ErrKey, "convert it to PKCS #8"},
		{"a key on a curve that TLS does not have", leaf.cert(), (&issued{key: p224}).keyPEM(t), ErrKey, "P-224"},
		{"a key that is none", leaf.cert(), pemBlock("PRIVATE KEY", []byte{1, 2, 3}, nil), ErrKey, "a.key: "},
		{"a file without a key", leaf.cert(), []byte("hello\n"), ErrKey, "-----BEGIN PRIVATE KEY-----"},
		{"swapped files", key, leaf.cert(), ErrCertificate, "are the files of certificate and key swapped?"},
		{"certificates for a key", leaf.cert(), leaf.cert(), ErrKey, "are the files of certificate and key swapped?"},
		{"words for a certificate", []byte("hello\n"), key, ErrCertificate, "-----BEGIN CERTIFICATE-----"},
		{"DER", leaf.leaf.Raw, key, ErrCertificate, "openssl x509 -inform der"},
		{"a certificate that is none", pemBlock("CERTIFICATE", []byte{1}, nil), key, ErrCertificate, "number 1 is damaged"},
		{"a chain that is damaged", join(leaf.cert(), pemBlock("CERTIFICATE", []byte{1}, nil)), key, ErrCertificate, "number 2 is damaged"},
		{"a chain that is being written", leaf.cert(middle)[:len(leaf.cert(middle))-40], key, ErrCertificate, "only 1 of its 2 PEM blocks are whole"},
		{"a key that is being written", leaf.cert(), key[:len(key)-40], ErrKey, "only 0 of its 1 PEM blocks are whole"},
		{"an empty certificate", nil, key, ErrFile, "a.pem cannot be read: it is empty"},
		{"an empty key", leaf.cert(), []byte("\n \n"), ErrFile, "a.key cannot be read: it is empty"},
		{"a file of five megabytes", bytes.Repeat([]byte{' '}, 5<<20), key, ErrFile, "more than 4 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			pair := Pair{put(t, filepath.Join(dir, "a.pem"), test.cert), put(t, filepath.Join(dir, "a.key"), test.key)}
			set := Open(Options{Now: atToday})
			server, err := set.Server("listener :8443", ServerOptions{Pairs: []Pair{pair}})
			if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err == nil {
				server.Close()
				return
			}
			if text := err.Error(); !strings.Contains(text, test.says) || !strings.Contains(text, dir) || !strings.HasPrefix(text, "listener :8443: ") {
				t.Errorf("it says %q, want %q in it, the file, and whose it is", text, test.says)
			}
			if held := set.Certificates(); len(held) > 0 {
				t.Errorf("%v is held", held)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, dir, "a")
	for _, test := range []struct {
		name string
		pair Pair
		want error
		says string
	}{
		{"a missing certificate", Pair{dir + "/x.pem", pair.Key}, os.ErrNotExist, "x.pem cannot be read: no such file or directory; is the path right"},
		{"a missing key", Pair{pair.Cert, dir + "/x.key"}, os.ErrNotExist, "x.key cannot be read: no such file"},
		{"a folder", Pair{dir, pair.Key}, ErrFile, "it is a directory; name the file in it"},
		{"a device", Pair{os.DevNull, pair.Key}, ErrFile, "not a regular file"},
		{"no name of a key", Pair{pair.Cert, ""}, ErrOptions, "both files are to be named"},
		{"no name of a certificate", Pair{"", pair.Key}, ErrOptions, "both files are to be named"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(Options{}).Server("s", ServerOptions{Pairs: []Pair{test.pair}})
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v and %q", err, test.want, test.says)
			}
			if _, err = Check(today, test.pair, pair); !errors.Is(err, test.want) {
				t.Errorf("Check: got %v, want %v", err, test.want)
			}
		})
	}
}

func TestAFileThatMayNotBeRead(t *testing.T) {
	pair := issue(t, nil, wanted{names: []string{"a.test"}}).save(t, t.TempDir(), "a")
	err := unreadable(pair.Key, &fs.PathError{Op: "open", Path: pair.Key, Err: fs.ErrPermission})
	if os.Getuid() != 0 { // root may read everything, and gets the error alone
		if err := os.Chmod(pair.Key, 0); err != nil {
			t.Fatal(err)
		}
		_, err = Open(Options{}).Server("s", ServerOptions{Pairs: []Pair{pair}})
	}
	if !errors.Is(err, ErrFile) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "weir runs as (uid ") {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfAuthorities(t *testing.T) {
	one, two := newAuthority(t, "one"), newAuthority(t, "two")
	for _, test := range []struct {
		name string
		text []byte
		want error
		says string
	}{
		{"one", one.cert(), nil, ""},
		{"two", one.cert(two), nil, ""},
		{"with words between them", join([]byte("# One\n"), one.cert(), []byte("# Two\n"), two.cert()), nil, ""},
		{"none", []byte("# nothing\n"), ErrCertificate, "-----BEGIN CERTIFICATE-----"},
		{"a key", one.keyPEM(t), ErrCertificate, "private key alone"},
		{"one of them damaged", join(one.cert(), pemBlock("CERTIFICATE", []byte{9}, nil)), ErrCertificate, "number 2 is damaged"},
		{"one cut off", one.cert(two)[:len(one.cert())+60], ErrCertificate, "only 1 of its 2"},
		{"an empty file", nil, ErrFile, "it is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, err := Open(Options{}).Client("upstream api", ClientOptions{CA: put(t, t.TempDir()+"/ca.pem", test.text)})
			if (test.want == nil) != (err == nil) || !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil {
				if !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "ca.pem") {
					t.Errorf("it says %v, want %q", err, test.says)
				}
				return
			}
			client.Close()
		})
	}
}

// FuzzFiles reads whatever lies in files.
func FuzzFiles(f *testing.F) {
	one := issue(f, nil, wanted{names: []string{"a.test"}})
	f.Add(one.cert(), one.keyPEM(f))
	f.Add(join(one.keyPEM(f), one.cert()), one.cert(one))
	f.Add([]byte("\xef\xbb\xbf-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\n"))
	f.Add(one.leaf.Raw, pemBlock("EC PRIVATE KEY", []byte{1}, map[string]string{"Proc-Type": "4,ENCRYPTED"}))
	known := []error{ErrCertificate, ErrKey, ErrMismatch}
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		for _, id := range []Pair{{"c", "k"}, {"c", ""}} {
			m, err := parse(id, [][]byte{cert, key})
			switch {
			case err != nil:
				if !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
					t.Errorf("%v: %v is none of the errors", id, err)
				}
			case len(m.chain) == 0 || (m.pair == nil) == (m.pool == nil):
				t.Errorf("%v: %+v", id, m)
			default:
				_ = warnings(id, m, today)
			}
		}
	})
}
