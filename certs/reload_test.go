package certs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mustRename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// link makes name a link to another, at once, as the kubelet and certbot do.
func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name+".tmp"); err != nil {
		t.Fatal(err)
	}
	mustRename(t, name+".tmp", name)
}

func TestNewConnectionsGetTheNewCertificateAndOldOnesLive(t *testing.T) {
	dir := t.TempDir()
	first, second := issue(t, nil, wanted{names: []string{"a.test"}}), issue(t, nil, wanted{names: []string{"a.test", "b.test"}})
	var notices told
	set := Open(Options{Now: atToday, Tell: notices.tell})
	pair := first.save(t, dir, "a")
	server := newEcho(t, mustServer(t, set, ServerOptions{Pairs: []Pair{pair}}).Config())
	old, err := dial(t, server, anyone("a.test"))
	if err != nil {
		t.Fatal(err)
	}
	set.Look(today)
	second.save(t, dir, "a")
	if got := shown(t, server, anyone("a.test")); got != serial(first.leaf) {
		t.Error("a certificate that nobody looked at is in force")
	}
	set.Look(today)
	if got := shown(t, server, anyone("b.test")); got != serial(second.leaf) {
		t.Errorf("a new connection got %s, want %s", got, serial(second.leaf))
	}
	if err := ping(old); err != nil {
		t.Errorf("the old connection: %v", err)
	}
	set.Look(today.Add(time.Hour))
	want := []Notice{Reloaded{File: pair.Cert, Names: []string{"a.test", "b.test"}, NotAfter: second.leaf.NotAfter, Serial: serial(second.leaf), UsedBy: []string{"listener :8443"}}}
	if diff := cmp.Diff(want, notices.take()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	put(t, pair.Cert, []byte("garbage"))
	set.Look(today)
	set.Look(today.Add(DefaultPatience))
	want = []Notice{Refused{File: pair.Cert, Err: ErrCertificate, Names: []string{"a.test", "b.test"}, NotAfter: second.leaf.NotAfter, UsedBy: []string{"listener :8443"}}}
	if diff := cmp.Diff(want, notices.take(), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// TestWhatChangesOfFilesLeadTo changes files step by step and looks at the clock
// of each step.
func TestWhatChangesOfFilesLeadTo(t *testing.T) {
	first, second := issue(t, nil, wanted{names: []string{"a.test"}}), issue(t, nil, wanted{names: []string{"a.test"}})
	garbage, worse := []byte("garbage\n"), []byte("worse\n")
	type step struct {
		after     time.Duration // since the first
		cert, key []byte        // nil = it stays, empty = it goes
		inForce   *issued
		says      string // "" = nothing, "reloaded", or what is in the error that was told
	}
	gone := []byte{}
	firstCert, firstKey, secondCert, secondKey := first.cert(), first.keyPEM(t), second.cert(), second.keyPEM(t)
	ended := issue(t, nil, wanted{names: []string{"a.test"}, to: today.Add(-time.Hour)})
	early := issue(t, nil, wanted{names: []string{"a.test"}, from: today.Add(time.Minute)})
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"the certificate comes before its key", []step{
			{0, secondCert, nil, first, ""},
			{9 * time.Second, nil, nil, first, ""},
			{9500 * time.Millisecond, nil, secondKey, second, "reloaded"},
		}},
		{"the key comes before its certificate", []step{{0, nil, secondKey, first, ""}, {time.Second, secondCert, nil, second, "reloaded"}}},
		{"the key never comes", []step{
			{0, secondCert, nil, first, ""},
			{10 * time.Second, nil, nil, first, "of another certificate"},
			{20 * time.Second, nil, nil, first, ""},
			{time.Hour, nil, secondKey, second, "reloaded"},
		}},
		{"garbage, once", []step{
			{0, garbage, nil, first, ""},
			{10 * time.Second, nil, nil, first, "-----BEGIN CERTIFICATE-----"},
			{time.Hour, nil, nil, first, ""},
		}},
		{"one that has ended", []step{
			{0, ended.cert(), ended.keyPEM(t), first, ""},
			{10 * time.Second, nil, nil, first, "not valid now: it ended at"},
			{11 * time.Second, secondCert, secondKey, second, "reloaded"},
		}},
		{"one that begins later", []step{
			{0, early.cert(), early.keyPEM(t), first, ""},
			{10 * time.Second, nil, nil, first, "what is in force stays until then"},
			{59 * time.Second, nil, nil, first, ""},
			{time.Minute, nil, nil, early, "reloaded"},
		}},
		{"other garbage, when it stays, too", []step{
			{0, garbage, nil, first, ""},
			{10 * time.Second, nil, nil, first, "-----BEGIN CERTIFICATE-----"},
			{12 * time.Second, worse, nil, first, ""},
			{20 * time.Second, nil, nil, first, "-----BEGIN CERTIFICATE-----"},
		}},
		{"garbage that goes in time", []step{{0, garbage, nil, first, ""}, {9 * time.Second, firstCert, nil, first, ""}, {11 * time.Second, nil, nil, first, ""}}},
		{"garbage that is taken back", []step{
			{0, garbage, nil, first, ""},
			{10 * time.Second, nil, nil, first, "-----BEGIN CERTIFICATE-----"},
			{11 * time.Second, firstCert, nil, first, "reloaded"},
			{12 * time.Second, garbage, nil, first, ""},
			{22 * time.Second, nil, nil, first, "-----BEGIN CERTIFICATE-----"},
		}},
		{"a file that is gone", []step{
			{0, nil, gone, first, ""},
			{10 * time.Second, nil, nil, first, "a.key cannot be read: no such file"},
			{11 * time.Second, gone, nil, first, ""},
			{20 * time.Second, nil, nil, first, "a.pem cannot be read: no such file"},
			{time.Minute, secondCert, secondKey, second, "reloaded"},
		}},
		{"another one, and back", []step{{0, secondCert, secondKey, second, "reloaded"}, {time.Second, firstCert, firstKey, first, "reloaded"}}},
		{"the same, written again", []step{{0, firstCert, firstKey, first, ""}, {20 * time.Second, nil, nil, first, ""}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var notices told
			set := Open(Options{Now: atToday, Tell: notices.tell})
			pair := first.save(t, t.TempDir(), "a")
			server := mustServer(t, set, ServerOptions{Pairs: []Pair{pair}})
			set.Look(today)
			for i, s := range test.steps {
				for name, text := range map[string][]byte{pair.Cert: s.cert, pair.Key: s.key} {
					if text != nil && len(text) == 0 {
						if err := os.Remove(name); err != nil {
							t.Fatal(err)
						}
					} else if text != nil {
						put(t, name, text)
					}
				}
				set.Look(today.Add(s.after))
				if got := server.now().index.all[0].cert.Leaf; !got.Equal(s.inForce.leaf) {
					t.Errorf("step %d: the wrong certificate is in force", i)
				}
				got := ""
				for _, n := range notices.take() {
					switch n := n.(type) {
					case Reloaded:
						got += "reloaded"
					case Refused:
						got += n.Err.Error()
					case Expiring:
						got += "expiring"
					}
				}
				if (s.says == "") != (got == "") || !strings.Contains(got, s.says) {
					t.Errorf("step %d: it told %q, want %q", i, got, s.says)
				}
			}
		})
	}
}

func TestLinksThatAreSwapped(t *testing.T) {
	dir := t.TempDir()
	var versions []*issued
	for _, name := range []string{"..1", "..2", "..3"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		one := issue(t, nil, wanted{names: []string{"a.test"}})
		one.save(t, filepath.Join(dir, name), "tls")
		versions = append(versions, one)
	}
	long := time.Now().Add(-time.Hour)
	for _, version := range []string{"..1", "..2", "..3"} { // the same times everywhere: only the link changes
		for _, name := range []string{"tls.pem", "tls.key"} {
			if err := os.Chtimes(filepath.Join(dir, version, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	link(t, "..1", filepath.Join(dir, "..data"))
	link(t, "..data/tls.pem", filepath.Join(dir, "tls.pem"))
	link(t, "..data/tls.key", filepath.Join(dir, "tls.key"))
	set := Open(Options{Now: atToday})
	server := mustServer(t, set, ServerOptions{Pairs: []Pair{{filepath.Join(dir, "tls.pem"), filepath.Join(dir, "tls.key")}}})
	for i, version := range []string{"..1", "..2", "..3", "..1"} {
		link(t, version, filepath.Join(dir, "..data"))
		set.Look(today)
		set.Look(today)
		if !server.now().index.all[0].cert.Leaf.Equal(versions[i%3].leaf) {
			t.Errorf("after the link to %s another certificate is in force", version)
		}
	}
}

func TestRunLooksEachSecond(t *testing.T) {
	dir := t.TempDir()
	first, second := issue(t, nil, wanted{names: []string{"a.test"}}), issue(t, nil, wanted{names: []string{"a.test"}})
	synctest.Test(t, func(t *testing.T) {
		notices := make(chan Notice, 9)
		set := Open(Options{Tell: func(n Notice) { notices <- n }})
		pair := first.save(t, dir, "a")
		server, err := set.Server("s", ServerOptions{Pairs: []Pair{pair}})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		begun := time.Now()
		done := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { defer close(done); set.Run(ctx) }()
		synctest.Wait()
		second.save(t, dir, "a")
		if got, ok := (<-notices).(Reloaded); !ok || got.Serial != serial(second.leaf) || time.Since(begun) != time.Second {
			t.Errorf("got %+v after %v, want the new certificate after a second", got, time.Since(begun))
		}
		put(t, pair.Key, []byte("garbage"))
		if got, ok := (<-notices).(Refused); !ok || !errors.Is(got.Err, ErrKey) || time.Since(begun) != 12*time.Second {
			t.Errorf("got %+v after %v, want a refusal ten seconds after it was seen", got, time.Since(begun))
		}
		cancel()
		<-done
	})
}
