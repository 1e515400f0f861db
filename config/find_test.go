package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	if got, err := Find("given.yaml", noEnv); got != "given.yaml" || err != nil {
		t.Errorf("-c: %q, %v", got, err)
	}
	if _, err := os.Stat("/etc/weir/weir.yaml"); err != nil {
		if _, err := Find("", noEnv); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "weir proxy") {
			t.Errorf("nowhere: %v", err)
		}
	}
	if err := os.WriteFile("weir.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", noEnv); got != "weir.yaml" || err != nil {
		t.Errorf("in the folder: %q, %v", got, err)
	}
}

func TestDataDir(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		env    map[string]string
		system string
		want   string
	}{
		{"systemd's comes first", map[string]string{"STATE_DIRECTORY": "/s/a:/s/b", "HOME": "/h"}, dir, "/s/a"},
		{"the system's when it can be written to", map[string]string{"HOME": "/h"}, dir, dir},
		{"the system's when it can be made", nil, filepath.Join(dir, "new"), filepath.Join(dir, "new")},
		{"not the system's when it is a file", map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, blocked, "/x/weir"},
		{"a relative XDG folder does not count", map[string]string{"XDG_STATE_HOME": "x", "HOME": "/h"}, blocked, "/h/.local/state/weir"},
		{"not the system's when its parent is not there", map[string]string{"HOME": "/h"}, "/no/such/folder", "/h/.local/state/weir"},
		{"nothing is known", nil, blocked, "weir-data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := dataDir(mapEnv(test.env), test.system); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestMemberIsMadeOfTheHostName(t *testing.T) {
	for host, want := range map[string]string{
		"edge-1": "edge-1", "edge.example.com": "edge", "höst": "h-st", "": "weir", "--": "weir", strings.Repeat("x", 80): strings.Repeat("x", 63),
	} {
		if got := memberOf(host); got != want || !isName(got) {
			t.Errorf("%q became %q, want %q", host, got, want)
		}
	}
}
