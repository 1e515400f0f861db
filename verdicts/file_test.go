package verdicts

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func noon() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

func sample() []Entry {
	return []Entry{
		{Upstream: "api", Seen: noon(), Peers: []Peer{
			{Addr: "10.0.0.1:80", Verdict: messages.Healthy, Since: noon().Add(-time.Hour), Code: messages.CodeOK, Flips: 3},
			{Addr: "[::1]:80", Verdict: messages.Unhealthy, Since: noon().Add(-time.Minute), Code: messages.CodeConnectRefused, Detail: "dial <tcp>\n", Flips: 1},
		}},
		{Upstream: "gone", Seen: noon().Add(-time.Hour), Peers: []Peer{{Addr: "a:1", Verdict: messages.Healthy, Since: noon().Add(-2 * time.Hour)}}},
	}
}

func encoded(t *testing.T, entries []Entry, now time.Time) string {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, entries, now); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	got, err := decode(strings.NewReader(encoded(t, sample(), noon())), noon().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestOldAndEmptyEntriesAreLeftOut(t *testing.T) {
	entries := append(sample(), Entry{Upstream: "none", Seen: noon()})
	entries[1].Seen = noon().Add(-MaxAge - time.Second)
	text := encoded(t, entries, noon())
	if strings.Contains(text, "gone") || strings.Contains(text, "none") {
		t.Errorf("the file has entries that are of no use:\n%s", text)
	}
	got, err := decode(strings.NewReader(text), noon().Add(MaxAge+time.Second))
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v after more than MaxAge; want nothing", got, err)
	}
	if got, err = decode(strings.NewReader(text), noon().Add(-24*time.Hour)); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v from a clock that was set back; want the entry", got, err)
	}
}

func TestADamagedFileIsKnown(t *testing.T) {
	good := encoded(t, sample(), noon())
	lines := strings.SplitAfter(good, "\n")
	cases := map[string]string{
		"empty":                   "",
		"garbage":                 "\x00\xff garbage",
		"another format":          `{"format":"something","version":1}` + "\n",
		"a later version":         strings.Replace(good, `"version":1`, `"version":2`, 1),
		"cut within a line":       good[:len(good)-40],
		"cut between lines":       strings.Join(lines[:2], ""),
		"a line missing":          lines[0] + lines[1] + strings.Join(lines[3:], ""),
		"something after the end": good + lines[1],
		"an unknown verdict":      strings.Replace(good, `"unhealthy"`, `"sick"`, 1),
		"no address":              strings.Replace(good, `"addr":"a:1"`, `"addr":""`, 1),
		"no upstream":             strings.Replace(good, `"upstream":"api"`, `"upstream":""`, 1),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := decode(strings.NewReader(text), noon())
			if !errors.Is(err, errDamaged) || got != nil {
				t.Errorf("got %v, %v; want %v", got, err, errDamaged)
			}
		})
	}
}

func TestADamagedFileIsMovedAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	entries, aside, err := load(path, noon())
	if entries != nil || err == nil {
		t.Fatalf("got %v, %v", entries, err)
	}
	if text, err := os.ReadFile(aside); err != nil || string(text) != "garbage" {
		t.Errorf("aside there is %q, %v", text, err)
	}
	if entries, aside, err := load(path, noon()); entries != nil || aside != "" || err != nil {
		t.Errorf("without a file: got %v, %q, %v; want nothing", entries, aside, err)
	}
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	_ = encode(&b, sample(), noon())
	f.Add(b.String())
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := decode(strings.NewReader(text), noon())
		if err != nil {
			return
		}
		again, err := decode(strings.NewReader(encoded(t, entries, noon())), noon())
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if len(again) > len(entries) {
			t.Errorf("%d entries became %d", len(entries), len(again))
		}
	})
}
