//go:build unix

package config

import (
	"strings"
	"syscall"
	"testing"
)

func TestAPipeIsReadOnceAndNeverAgain(t *testing.T) {
	tree(t, map[string]string{"weir.yaml": "include: [pipe]\nlisteners: [{addr: \":1\"}]\n"})
	for _, name := range []string{"pipe", "main"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Opening one of them would block for ever.
	if _, err := mustRead(t, "weir.yaml").Load(noEnv); !strings.Contains(faultsOf(t, err)[0].Message, "no regular file") {
		t.Errorf("an included pipe: %v", err)
	}
	known := Sources{path: "main", files: []source{{name: "main", pattern: -1}}}
	if _, err := readAgain(known); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a watched pipe: %v", err)
	}
}
