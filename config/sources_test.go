package config

import (
	"os"
	"strings"
	"testing"
)

func mustRead(t *testing.T, path string) Sources {
	t.Helper()
	s, err := ReadSources(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadParsesWhatTheHashStandsFor(t *testing.T) {
	tree(t, map[string]string{"weir.yaml": includesAll, "conf.d/a.yaml": "upstreams: {a: {addrs: [x]}}"})
	s := mustRead(t, "weir.yaml")
	put(t, "conf.d/a.yaml", "nonsense: [")
	put(t, "weir.yaml", "")
	if err := os.Remove("conf.d/a.yaml"); err != nil {
		t.Fatal(err)
	}
	cfg, err := s.Load(noEnv)
	if err != nil || cfg.Desired.Upstreams.Len() != 1 {
		t.Errorf("got %+v, %v", cfg, err)
	}
	if s.Path() != "weir.yaml" {
		t.Errorf("path %q", s.Path())
	}
}

func TestEveryChangeChangesTheHash(t *testing.T) {
	write := func(name, text string) func(*testing.T) { return func(t *testing.T) { put(t, name, text) } }
	for _, test := range []struct {
		name   string
		change func(*testing.T)
		same   bool
	}{
		{"nothing", func(*testing.T) {}, true},
		{"the same content again", write("conf.d/a.yaml", "a: 1"), true},
		{"a file that no pattern matches", write("conf.d/a.txt", "a: 1"), true},
		{"the file", write("weir.yaml", includesAll+"#"), false},
		{"an included file", write("conf.d/a.yaml", "a: 2"), false},
		{"an included file gets longer", write("conf.d/a.yaml", "a: 1 "), false},
		{"an included file gets shorter", write("conf.d/a.yaml", "a:"), false},
		{"a new file, though empty", write("conf.d/c.yaml", ""), false},
		{"a file less", func(t *testing.T) { remove(t, "conf.d/b.yaml") }, false},
		{"another name", func(t *testing.T) { rename(t, "conf.d/b.yaml", "conf.d/c.yaml") }, false},
		{"content moves from a file to the next", func(t *testing.T) {
			put(t, "conf.d/a.yaml", "a: 1b")
			put(t, "conf.d/b.yaml", ": 2")
		}, false},
		{"a file that cannot be read", func(t *testing.T) {
			remove(t, "conf.d/b.yaml")
			if err := os.Symlink("nowhere", "conf.d/b.yaml"); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"other patterns", write("weir.yaml", strings.Replace(includesAll, "*", "[ab]", 1)), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree(t, map[string]string{"weir.yaml": includesAll, "conf.d/a.yaml": "a: 1", "conf.d/b.yaml": "b: 2"})
			before := mustRead(t, "weir.yaml")
			test.change(t)
			after := mustRead(t, "weir.yaml")
			if before.Equal(after) != test.same || (before.Hash() == after.Hash()) != test.same || len(after.Hash()) != 64 {
				t.Errorf("before %s, after %s", before.Hash(), after.Hash())
			}
			again, err := readAgain(before)
			if err != nil || !again.Equal(after) {
				t.Errorf("reading again finds %s, %v; want %s", again.Hash(), err, after.Hash())
			}
			if before.unchanged() != test.same {
				t.Errorf("unchanged is %t", before.unchanged())
			}
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestNoSourcesAreNoConfiguration(t *testing.T) {
	var none Sources
	if _, err := none.Load(noEnv); len(faultsOf(t, err)) != 1 || none.Hash() != "" {
		t.Errorf("got %v, hash %q", err, none.Hash())
	}
	if none.unchanged() {
		t.Error("nothing is said to be unchanged")
	}
}

func TestTextsTogetherAreBounded(t *testing.T) {
	tree(t, map[string]string{"weir.yaml": includesAll, "conf.d/a.yaml": "#" + strings.Repeat("x", 33<<20), "conf.d/b.yaml": "", "conf.d/c.yaml": ""})
	if _, err := Load("weir.yaml", noEnv); !strings.Contains(faultsOf(t, err)[0].Message, "more than 33554432 bytes") {
		t.Errorf("one long file: %v", err)
	}
	for _, name := range []string{"a", "b", "c"} {
		put(t, "conf.d/"+name+".yaml", "#"+strings.Repeat("x", 24<<20))
	}
	if _, err := Load("weir.yaml", noEnv); !strings.Contains(err.Error(), "all files together") {
		t.Errorf("long files: %v", err)
	}
	for _, name := range []string{"a", "b", "c"} {
		put(t, "conf.d/"+name+".yaml", strings.Repeat("#\n", maxMarks/5))
	}
	if _, err := Load("weir.yaml", noEnv); err == nil || !strings.Contains(err.Error(), "conf.d/c.yaml:1:1: the files up to this one have more than 2000000 lines") {
		t.Errorf("many lines: %v", err)
	}
}
