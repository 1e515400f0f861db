package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestFaultsReadAsInTheGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	env := mapEnv(map[string]string{"LEVEL": "verbose"})
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := Parse("weir.yaml", text, env)
			if cfg != nil {
				t.Error("a configuration came with the faults")
			}
			checkFaults(t, text, faultsOf(t, err))
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatalf("%v; -update writes it", readErr)
			}
			if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			for _, secret := range []string{"hunter2", "correct-horse", "horse"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %s", err)
				}
			}
		})
	}
}

// checkFaults looks at what holds for all faults: a place within the text, in
// order, and a message.
func checkFaults(t *testing.T, text []byte, faults []Fault) {
	t.Helper()
	lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n") + 1
	last := 0
	for _, f := range faults {
		if f.Line < 1 || f.Line > lines || f.Column < 1 || f.Line < last || f.Message == "" {
			t.Errorf("bad fault %+v in a text of %d lines", f, lines)
		}
		if f.mark < 0 || f.mark > len([]rune(f.Source)) || len(f.Source) > 4*windowWidth+6 {
			t.Errorf("mark %d, line %q", f.mark, f.Source)
		}
		last = f.Line
	}
}
