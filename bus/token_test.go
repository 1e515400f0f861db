package bus_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/bus"
)

func TestTheOperatorTokenIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	token, created, err := bus.EnsureOperatorToken(dir)
	if err != nil || !created || len(token) < 40 {
		t.Fatalf("got %q, %v, %v", token, created, err)
	}
	again, created, err := bus.EnsureOperatorToken(dir)
	if err != nil || created || again != token {
		t.Fatalf("the second time: %q, %v, %v; want %q", again, created, err, token)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, bus.TokenFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestTokensDiffer(t *testing.T) {
	a, _, errA := bus.EnsureOperatorToken(t.TempDir())
	b, _, errB := bus.EnsureOperatorToken(t.TempDir())
	if errA != nil || errB != nil || a == b {
		t.Errorf("%q and %q, %v, %v", a, b, errA, errB)
	}
}

func TestManyAtOnceAgreeOnOneToken(t *testing.T) {
	dir := t.TempDir()
	var made atomic.Int32
	var tokens sync.Map
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			token, created, err := bus.EnsureOperatorToken(dir)
			if err != nil {
				t.Error(err)
			}
			if created {
				made.Add(1)
			}
			tokens.Store(token, true)
		})
	}
	all.Wait()
	different := 0
	tokens.Range(func(any, any) bool { different++; return true })
	if made.Load() != 1 || different != 1 {
		t.Errorf("%d made, %d different tokens, want 1 and 1", made.Load(), different)
	}
}

func TestWhichTokenFilesAreTaken(t *testing.T) {
	const good = "0123456789abcdef"
	for _, test := range []struct {
		name, text string
		mode       os.FileMode
		words      string // empty: it is taken
	}{
		{"of its owner alone", good + "\n", 0o600, ""},
		{"read-only", good, 0o400, ""},
		{"its group may read", good, 0o640, ""},
		{"everybody may read", good, 0o644, "0644"},
		{"its group may write", good, 0o660, "0660"},
		{"everybody may write", good, 0o602, "0602"},
		{"empty", "", 0o600, "0 bytes"},
		{"blanks alone", " \n", 0o600, "0 bytes"},
		{"short", "secret", 0o600, "6 bytes"},
		{"two lines", good + "\n" + good, 0o600, "blanks"},
		{"huge", strings.Repeat("x", 1<<20), 0o600, "more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, bus.TokenFile)
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			token, created, err := bus.EnsureOperatorToken(dir)
			if test.words == "" {
				if err != nil || created || token != good {
					t.Errorf("got %q, %v, %v", token, created, err)
				}
				return
			}
			if !errors.Is(err, bus.ErrToken) {
				t.Fatalf("got %q, %v, want %v", token, err, bus.ErrToken)
			}
			mentions(t, err, path, test.words)
			if strings.Contains(err.Error(), good) {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

func TestATokenThatIsADirectoryIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, bus.TokenFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := bus.EnsureOperatorToken(dir); !errors.Is(err, bus.ErrToken) {
		t.Errorf("got %v, want %v", err, bus.ErrToken)
	}
}
