package bus_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirproxy/weir/bus"
)

const streamDir = "nats/jetstream/MEMBERS/streams/WEIR_EVENTS"

// only returns the one file that matches.
func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
}

func TestADamagedStoreIsMovedAside(t *testing.T) {
	garbage := strings.Repeat("\x00garbage\xff", 1000)
	overwrite := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { write(t, only(t, filepath.Join(dir, streamDir, name)), garbage) }
	}
	cut := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := only(t, filepath.Join(dir, streamDir, name))
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()/2); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, garbage)
		}
	}
	for name, test := range map[string]struct {
		damage func(*testing.T, string)
		aside  string // what is found again beneath damaged-*; "": NATS mends it itself
	}{
		"garbage for a description":           {overwrite("meta.inf"), "WEIR_EVENTS"},
		"half a description":                  {cut("meta.inf"), "WEIR_EVENTS"},
		"garbage for a checksum":              {overwrite("meta.sum"), "WEIR_EVENTS"},
		"no description":                      {func(t *testing.T, dir string) { _ = os.Remove(only(t, filepath.Join(dir, streamDir, "meta.inf"))) }, "WEIR_EVENTS"},
		"garbage for events":                  {overwrite("msgs/1.blk"), ""},
		"half of the events":                  {cut("msgs/1.blk"), ""},
		"garbage for an index":                {overwrite("msgs/index.db"), ""},
		"a file where the stream should be":   {replace(streamDir), "WEIR_EVENTS"},
		"a file where streams should be":      {replace("nats/jetstream/MEMBERS/streams"), ""},
		"a file where the account should be":  {replace("nats/jetstream/MEMBERS"), ""},
		"a file where all of it should be":    {replace("nats/jetstream"), "jetstream"},
		"a directory where events should be":  {func(t *testing.T, dir string) { directory(t, filepath.Join(dir, streamDir, "msgs", "1.blk")) }, ""},
		"a directory where it describes them": {func(t *testing.T, dir string) { directory(t, filepath.Join(dir, streamDir, "meta.inf")) }, "WEIR_EVENTS"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := ready(t, start(t, func(c *bus.Config) { c.Dir = dir }))
			store(t, b, "weir.evt.x", numbers(1, 50)...)
			stop(t, b)
			test.damage(t, dir)
			var log lockedBuffer
			b = ready(t, start(t, func(c *bus.Config) { c.Dir, c.Logger = dir, slog.New(slog.NewTextHandler(&log, nil)) }))
			store(t, b, "weir.evt.x", "new")
			ids := rest(t, replay(t, b, bus.ReplayRequest{}))
			if len(ids) == 0 || ids[len(ids)-1] != "new" {
				t.Errorf("events: %q", ids)
			}
			if test.aside == "" {
				return
			}
			same(t, ids, []string{"new"})
			aside := only(t, filepath.Join(dir, "nats", "damaged-*", test.aside))
			for _, words := range []string{"level=WARN", "damaged, moved aside", aside} {
				if !strings.Contains(log.String(), words) {
					t.Errorf("the log does not say %q:\n%s", words, log.String())
				}
			}
		})
	}
}

func directory(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestASoundStoreIsLeftWhereItIs(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		b := ready(t, start(t, func(c *bus.Config) { c.Dir = dir }))
		same(t, rest(t, replay(t, b, bus.ReplayRequest{})), numbers(1, 10*i))
		store(t, b, "weir.evt.x", numbers(10*i+1, 10*i+10)...)
		stop(t, b)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "nats", "damaged-*")); err != nil || len(found) > 0 {
		t.Errorf("moved aside: %v, %v", found, err)
	}
}
