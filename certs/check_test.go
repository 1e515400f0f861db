package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestWhatACheckSays tries what works, or may work, and should not stay so.
func TestWhatACheckSays(t *testing.T) {
	ca := newAuthority(t, "ca")
	middle := issue(t, ca, wanted{subject: "middle", change: isAuthority})
	ended := issue(t, ca, wanted{subject: "middle", to: today.Add(-day), key: middle.key, change: isAuthority})
	forged := issue(t, ca, wanted{subject: "middle", change: isAuthority})
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"a.test"}
	public := func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.test/middle.der"} }
	leaf := issue(t, middle, wanted{names: names, change: public})
	type file struct {
		name   string
		leaf   *issued
		others []*issued
	}
	one := func(leaf *issued, others ...*issued) []file { return []file{{"a", leaf, others}} }
	for _, test := range []struct {
		name  string
		files []file
		want  []string // "file kind"
	}{
		{"nothing", one(leaf, middle), nil},
		{"nothing, with the root", one(leaf, middle, ca), nil},
		{"nothing of one without a chain whose authority has none", one(issue(t, ca, wanted{names: names})), nil},
		{"nothing of a name with two kinds of key", []file{{"a", leaf, []*issued{middle}}, {"b", issue(t, ca, wanted{names: names, key: rsaKey()}), nil}}, nil},
		{"nothing of a certificate that has a name twice", one(issue(t, ca, wanted{names: []string{"a.test", "A.test"}})), nil},
		{"it has ended", one(issue(t, ca, wanted{names: names, to: today.Add(-time.Second)})), []string{"a.pem expired"}},
		{"it ends soon", one(issue(t, ca, wanted{names: names, to: today.Add(30 * day)})), []string{"a.pem expiring"}},
		{"it ends soon, as it was made to", one(issue(t, ca, wanted{names: names, from: today.Add(-3 * day), to: today.Add(3 * day)})), nil},
		{"it ends later", one(issue(t, ca, wanted{names: names, to: today.Add(30*day + time.Second)})), nil},
		{"it begins later", one(issue(t, ca, wanted{names: names, from: today.Add(time.Hour)})), []string{"a.pem not_yet_valid"}},
		{"its chain has ended", one(leaf, ended), []string{"a.pem expired"}},
		{"no chain where there is one", one(leaf), []string{"a.pem incomplete_chain"}},
		{"a link is missing", one(leaf, ca), []string{"a.pem incomplete_chain"}},
		{"a link of the same name and another key", one(leaf, forged), []string{"a.pem incomplete_chain"}},
		{"the chain out of order", one(leaf, ca, middle), []string{"a.pem incomplete_chain"}},
		{"signed by itself", one(issue(t, nil, wanted{names: names})), []string{"a.pem self_signed"}},
		{"a short key", one(issue(t, ca, wanted{names: names, key: short})), []string{"a.pem weak_key"}},
		{"no name", one(issue(t, ca, wanted{subject: "a.test"})), []string{"a.pem no_name"}},
		{"a name twice", []file{{"a", leaf, []*issued{middle}}, {"b", issue(t, ca, wanted{names: []string{"b.test", "A.test"}}), nil}}, []string{"b.pem shared_name"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			var pairs []Pair
			for _, f := range test.files {
				pair := f.leaf.save(t, dir, f.name, f.others...)
				pairs = append(pairs, pair, pair) // of two listeners
			}
			found, err := Check(today, pairs...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range found {
				got = append(got, filepath.Base(w.File)+" "+string(w.Kind))
				if !strings.HasPrefix(w.String(), dir) || len(w.Text) < 20 {
					t.Errorf("it says %q", w)
				}
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignaturesOverSHA1AreWarnedAbout(t *testing.T) {
	ca := newAuthority(t, "ca")
	leaf := issue(t, ca, wanted{names: []string{"a.test"}})
	weak := *leaf.leaf
	weak.SignatureAlgorithm = x509.ECDSAWithSHA1 // crypto/x509 makes none any more
	pair := leaf.save(t, t.TempDir(), "a")
	got := warnings(pair, &material{chain: []*x509.Certificate{&weak}, pair: readMaterial(t, pair).pair}, today)
	if len(got) != 1 || got[0].Kind != WarnSHA1 {
		t.Errorf("got %v", got)
	}
}

func readMaterial(t *testing.T, pair Pair) *material {
	t.Helper()
	m, err := readPair(pair)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAKeyThatEverybodyMayRead(t *testing.T) {
	pair := issue(t, newAuthority(t, "ca"), wanted{names: []string{"a.test"}}).save(t, t.TempDir(), "a")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		if err := os.Chmod(pair.Key, mode); err != nil {
			t.Fatal(err)
		}
		got, err := Check(today, pair)
		if err != nil {
			t.Fatal(err)
		}
		if found := len(got) == 1 && got[0].Kind == WarnOpenKey && got[0].File == pair.Key; found != want || len(got) > 1 {
			t.Errorf("%v: got %v, want a warning: %t", mode, got, want)
		}
	}
}

// TestWhatIsKnownOfCertificates also has warnings of what is held.
func TestWhatIsKnownOfCertificates(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, "ca")
	retired := issue(t, nil, wanted{subject: "retired", to: today.Add(-day), change: isAuthority})
	leaf := issue(t, ca, wanted{names: []string{"a.test", "*.a.test"}, to: today.Add(-time.Hour), key: rsaKey(), change: func(c *x509.Certificate) { c.SerialNumber.SetInt64(0xabc) }})
	pair := leaf.save(t, dir, "a")
	set := Open(Options{Now: atToday})
	client := mustClient(t, set, ClientOptions{Pair: pair, CA: put(t, dir+"/b.pem", retired.cert(ca))})
	put(t, pair.Key, []byte("garbage"))
	set.Look(today.Add(time.Second))
	got := set.Certificates()
	want := []Certificate{
		{File: pair.Cert, Key: pair.Key, Names: []string{"a.test", "*.a.test"}, Issuer: "CN=ca", Serial: "0abc", KeyType: "RSA 2048", NotBefore: leaf.leaf.NotBefore,
			NotAfter: leaf.leaf.NotAfter, UsedBy: []string{"upstream api"}, Loaded: today, Problem: ErrKey, ProblemSince: today.Add(time.Second)},
		{File: dir + "/b.pem", Names: []string{"CN=ca"}, Issuer: "CN=ca", Serial: serial(ca.leaf), KeyType: "ECDSA P-256", NotBefore: ca.leaf.NotBefore,
			NotAfter: ca.leaf.NotAfter, UsedBy: []string{"upstream api"}, Loaded: today},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("certificates (-want +got):\n%s", diff)
	}
	if got := set.Warnings(today); len(got) != 1 || got[0].Kind != WarnExpired || got[0].File != pair.Cert {
		t.Errorf("warnings: %v; an authority that retired beside its successor needs none", got)
	}
	client.Close()
	if got := set.Warnings(today); len(got) != 0 {
		t.Errorf("nobody uses it any more: %v", got)
	}
}
