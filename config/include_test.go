package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new folder, which becomes the working directory.
func tree(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		put(t, name, text)
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const includesAll = "include: [conf.d/*.yaml]\nlisteners: [{addr: \":1\"}]\n"

func TestIncludedFilesAreOneConfiguration(t *testing.T) {
	tree(t, map[string]string{
		"weir.yaml":           includesAll + "routes:\n  r: {upstream: b}\nupstreams:\n  a: {addrs: [x]}\n",
		"conf.d/2.yaml":       "upstreams:\n  c: {addrs: [\"${PEER}\"]}\n",
		"conf.d/1.yaml":       "# first\nupstreams:\n  b: {addrs: [x], algo: p2c, remark: hi}\nroutes:\n  s: {path: /s, upstream: gone}\n",
		"conf.d/.hidden.yaml": "nonsense",
		"conf.d/not.txt":      "nonsense",
		"conf.d/empty.yaml":   "",
	})
	if err := os.Mkdir("conf.d/folder.yaml", 0o700); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load("weir.yaml", mapEnv(map[string]string{"PEER": "y"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"weir.yaml", "conf.d/1.yaml", "conf.d/2.yaml", "conf.d/empty.yaml"}, cfg.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if cfg.Desired.Upstreams.Len() != 3 || cfg.Desired.Routes.Len() != 2 || cfg.Desired.Upstreams.At(2).Addrs.At(0).Addr != "y:80" {
		t.Errorf("got %+v", cfg.Desired)
	}
	if len(cfg.Warnings) != 1 || !strings.HasPrefix(cfg.Warnings[0].String(), "conf.d/1.yaml:5:27: routes.s.upstream: there is no upstream gone") {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
	effective := squeeze(cfg.Effective())
	for _, want := range []string{`# included: conf.d/1.yaml`, `algo: "p2c" # conf.d/1.yaml line 3`, `upstream: "b" # line 4`, `addr: "y:80" # conf.d/2.yaml line 2, env PEER`} {
		if !strings.Contains(effective, want) {
			t.Errorf("there is no %q in\n%s", want, cfg.Effective())
		}
	}
	checkEffective(t, cfg)
}

func TestWhatIsWrongInIncludedFilesNamesThem(t *testing.T) {
	t.Chdir("testdata/include")
	_, err := Load("weir.yaml", noEnv)
	faultsOf(t, err)
	if *update {
		put(t, "faults.txt", err.Error()+"\n")
	}
	want, readErr := os.ReadFile("faults.txt")
	if readErr != nil {
		t.Fatalf("%v; -update writes it", readErr)
	}
	if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "correct-horse") {
		t.Errorf("the error shows a secret: %s", err)
	}
}

func TestSyntaxFaultsOfAllFilesComeTogether(t *testing.T) {
	tree(t, map[string]string{"weir.yaml": includesAll, "conf.d/a.yaml": "a: [", "conf.d/b.yaml": "\tb: 1"})
	_, err := Load("weir.yaml", noEnv)
	var files []string
	for _, f := range faultsOf(t, err) {
		files = append(files, f.File)
	}
	if !slices.Equal(files, []string{"conf.d/a.yaml", "conf.d/b.yaml"}) {
		t.Errorf("got %v", err)
	}
}

func TestIncludesThatFindNothing(t *testing.T) {
	for _, test := range []struct {
		name, include, warning, fault string
	}{
		{name: "a wildcard", include: "none/*.yaml"},
		{name: "a wildcard in a folder's name", include: "no*/x.yaml"},
		{name: "the file itself, by a wildcard", include: "*.yaml"},
		{name: "no pattern at all", include: ""},
		{name: "a file that is not there", include: "none.yaml", warning: "there is no file none.yaml"},
		{name: "a file below a file", include: "weir.yaml/x", warning: "there is no file"},
		{name: "a link to nowhere", include: "dangling", fault: "dangling cannot be read: no such file"},
		{name: "a folder", include: "folder", fault: "folder cannot be read: it is a folder"},
		{name: "the file itself, by its name", include: "./weir.yaml", fault: "includes itself"},
		{name: "an escaped key is seen", include: "\\", fault: "not a pattern"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree(t, map[string]string{"weir.yaml": "include: ['" + test.include + "']\nlisteners: [{addr: \":1\"}]\n", "folder/x": ""})
			if test.include == "" {
				put(t, "weir.yaml", "include: []\nlisteners: [{addr: \":1\"}]\n")
			}
			if err := os.Symlink("nowhere", "dangling"); err != nil {
				t.Fatal(err)
			}
			cfg, err := Load("weir.yaml", noEnv)
			if test.fault != "" {
				if faults := faultsOf(t, err); len(faults) != 1 || !strings.Contains(faults[0].Message, test.fault) || faults[0].Path != "include[0]" {
					t.Errorf("got %v, want %q", err, test.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (test.warning == "") != (len(cfg.Warnings) == 0) || test.warning != "" && !strings.Contains(cfg.Warnings[0].Message, test.warning) {
				t.Errorf("warnings %v, want %q", cfg.Warnings, test.warning)
			}
		})
	}
}

func TestAFolderThatCannotBeReadIsNotAnEmptyOne(t *testing.T) {
	if os.Getuid() == 0 {
		// Root reads everything: a file in place of the folder's parent gives no
		// such error either, so the failure is made of a path that is too long.
		tree(t, map[string]string{"weir.yaml": "include: [" + strings.Repeat("x", 300) + "/*.yaml]\nlisteners: [{addr: \":1\"}]\n"})
	} else {
		tree(t, map[string]string{"weir.yaml": includesAll, "conf.d/a.yaml": ""})
		if err := os.Chmod("conf.d", 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod("conf.d", 0o700) })
	}
	_, err := Load("weir.yaml", noEnv)
	if faults := faultsOf(t, err); len(faults) != 1 || !strings.Contains(faults[0].Message, "the folder cannot be read") {
		t.Errorf("got %v", err)
	}
}

func TestAnIncludeThatTheReadingMissesIsAFault(t *testing.T) {
	tree(t, map[string]string{"weir.yaml": "\"\\x69nclude\": [conf.d/*.yaml]\nlisteners: [{addr: \":1\"}]\n", "conf.d/a.yaml": "upstreams: {a: {addrs: [x]}}"})
	_, err := Load("weir.yaml", noEnv)
	if faults := faultsOf(t, err); len(faults) != 1 || !strings.Contains(faults[0].Message, "without escapes") {
		t.Errorf("got %v", err)
	}
}

func TestATextIncludesNothing(t *testing.T) {
	_, err := Parse("", []byte(includesAll), noEnv)
	if faults := faultsOf(t, err); len(faults) != 1 || faults[0].Path != "include" {
		t.Errorf("got %v", err)
	}
}

func TestPatternsAreRelativeToTheFile(t *testing.T) {
	tree(t, map[string]string{
		"a[b]/weir.yaml":   "include: [\"x/*/[ab]?.yaml\", ../up.yaml, x/1/a1.yaml]\nlisteners: [{addr: \":1\"}]\n",
		"a[b]/x/2/b1.yaml": "", "a[b]/x/1/a1.yaml": "", "a[b]/x/1/c1.yaml": "", "a[b]/x/file": "", "up.yaml": "",
	})
	s, err := ReadSources("a[b]/weir.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a[b]/weir.yaml", "a[b]/x/1/a1.yaml", "a[b]/x/2/b1.yaml", "up.yaml"}
	if diff := cmp.Diff(want, s.Files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	found, err := glob("elsewhere", filepath.Join(dir, "u*.yaml"))
	if err != nil || !slices.Equal(found, []string{filepath.Join(dir, "up.yaml")}) {
		t.Errorf("an absolute pattern: %v, %v", found, err)
	}
}

func TestMoreFilesThanAreTaken(t *testing.T) {
	tree(t, map[string]string{"weir.yaml": "include: ['a/*', 'b/*']\nlisteners: [{addr: \":1\"}]\n"})
	for i := range maxFiles + 1 {
		put(t, filepath.Join([]string{"a", "b"}[i%2], string(rune('a'+i%26))+strings.Repeat("x", i/26)), "")
	}
	_, err := Load("weir.yaml", noEnv)
	var faults *Faults
	if !errors.As(err, &faults) || len(faults.List) != 1 || !strings.Contains(faults.List[0].Message, "more than 1000 files") {
		t.Errorf("got %v", err)
	}
}
