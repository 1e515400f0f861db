package verdicts

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/internal/part"
	"github.com/weirproxy/weir/messages"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t *testing.T, dir string) (*Keeper, []Entry) {
	t.Helper()
	k, entries, err := Open(Config{Dir: dir, Delay: time.Millisecond, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k, entries
}

// now is a state that was just seen.
func now(flips uint64) []Entry {
	return []Entry{{Upstream: "api", Seen: time.Now().UTC(), Peers: []Peer{{Addr: "a:1", Verdict: messages.Unhealthy, Since: noon(), Flips: flips}}}}
}

// onDisk waits until the file has that many flips.
func onDisk(t *testing.T, k *Keeper, flips uint64) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if f, err := os.Open(k.path); err == nil {
			entries, err := decode(f, time.Now())
			_ = f.Close()
			if err != nil {
				t.Fatalf("a reader saw half a file: %v", err)
			}
			if entries[0].Peers[0].Flips >= flips {
				return
			}
		}
	}
	t.Fatalf("flips %d are not on disk after 10 s", flips)
}

func TestAChangeIsOnDiskBeforeTheEnd(t *testing.T) {
	dir := t.TempDir()
	k, entries := open(t, dir)
	if entries != nil {
		t.Fatalf("a new directory has entries: %v", entries)
	}
	var flips atomic.Uint64
	k.Start(func() []Entry { return now(flips.Load()) })
	for n := range uint64(50) {
		flips.Store(n + 1)
		k.Touch()
		onDisk(t, k, n+1)
	}
}

func TestCloseWritesWhatIsDue(t *testing.T) {
	dir := t.TempDir()
	k, _, err := Open(Config{Dir: dir, Delay: time.Hour, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	want := now(7)
	k.Start(func() []Entry { return want })
	k.Touch()
	if err := errors.Join(k.Close(), k.Close()); err != nil {
		t.Fatal(err)
	}
	_, got := open(t, dir)
	got[0].Seen = want[0].Seen // the file says "as I was written"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the next process reads (-want +got):\n%s", diff)
	}
}

func TestOneDirectoryHasOneKeeper(t *testing.T) {
	dir := t.TempDir()
	first, _ := open(t, dir)
	if _, _, err := Open(Config{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second one: got %v, want %v", err, ErrLocked)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Config{Dir: filepath.Join(file, "sub"), Logger: quiet()}); !errors.Is(err, ErrDir) {
		t.Errorf("got %v, want %v", err, ErrDir)
	}
}

func TestWhatAKilledWriterLeftIsRemoved(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, fileName+".tmp-1234")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestAFullDiskKeepsTheLastGoodFileAndHeals(t *testing.T) {
	dir := part.Tmpfs(t, 256<<10)
	k, _ := open(t, dir)
	entries := now(1)
	changes := make(chan []Entry, 1)
	k.Start(func() []Entry {
		select {
		case entries = <-changes:
		default:
		}
		return entries
	})
	k.Touch()
	onDisk(t, k, 1)
	fill := filepath.Join(dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	changes <- now(2)
	k.Touch()
	eventually(t, "the problem is told", func() bool { return k.Problem() != "" })
	onDisk(t, k, 1) // whole, and the old one
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	onDisk(t, k, 2)
	eventually(t, "the problem is over", func() bool { return k.Problem() == "" })
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
