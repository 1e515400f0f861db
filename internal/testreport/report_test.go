package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestReport(t *testing.T) {
	tests := []struct {
		name string // of testdata/NAME.json and NAME.txt
		want int
	}{
		{"passes_and_skips", 0},
		{"failures", 1},
		{"build_failure", 1},
		{"panic", 1},
		{"unfinished", 1},
		{"ends_early", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, err := os.Open(filepath.Join("testdata", tt.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var out strings.Builder
			if got := run(in, &out); got != tt.want {
				t.Errorf("status %d, want %d", got, tt.want)
			}
			golden := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReportFailsWithoutAnyTest(t *testing.T) {
	var out strings.Builder
	if got := run(strings.NewReader(""), &out); got != 1 || !strings.Contains(out.String(), "nothing was tested") {
		t.Errorf("status %d, %q", got, out.String())
	}
}

func TestReportFailsOnInputThatBreaks(t *testing.T) {
	events := `{"Action":"start","Package":"p"}` + "\n" + `{"Action":"pass","Package":"p"}` + "\n"
	in := io.MultiReader(strings.NewReader(events), iotest.ErrReader(errors.New("pipe broke")))
	var out strings.Builder
	if got := run(in, &out); got != 1 || !strings.Contains(out.String(), "pipe broke") {
		t.Errorf("status %d, %q", got, out.String())
	}
}

func TestReportTakesLinesOfAnyLength(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	events := `{"Action":"output","Package":"p","Test":"TestA","Output":"` + long + `\n"}` + "\n" +
		`{"Action":"fail","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n"
	var out strings.Builder
	run(strings.NewReader(events), &out)
	if !strings.Contains(out.String(), long) {
		t.Errorf("a line of %d bytes is not passed on", len(long))
	}
}

// TestReportUnderstandsThisGo holds the canned events against what the go
// command prints today.
func TestReportUnderstandsThisGo(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":           "module example.org/m\n\ngo 1.26\n",
		"a/a_test.go":      "package a\n\nimport \"testing\"\n\nfunc TestGood(*testing.T) {}\n\nfunc TestBad(t *testing.T) { t.Error(\"got 1, want 2\") }\n\nfunc TestNot(t *testing.T) { t.Skip(\"there is no sea\") }\n",
		"broken/b_test.go": "package broken\n\nvar _ = nothing\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	events, err := cmd.Output()
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		t.Fatalf("go test: %v, want it to fail", err)
	}
	var out strings.Builder
	if got := run(strings.NewReader(string(events)), &out); got != 1 {
		t.Errorf("status %d, want 1", got)
	}
	for _, want := range []string{
		"a_test.go:7: got 1, want 2", "undefined: nothing", "FAIL\texample.org/m/broken [build failed]",
		"skipped: there is no sea\n\texample.org/m/a TestNot\n", "failed:\n\texample.org/m/a TestBad\n\texample.org/m/broken\n",
		"\n1 passed, 2 failed, 1 skipped\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
