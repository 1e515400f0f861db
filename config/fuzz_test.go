package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse looks for texts that make the reader panic, that give an error
// without a place, or whose effective configuration reads as something else.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/faults/*.yaml", "../examples/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte(everyForm))
	for _, listener := range listenerTexts() {
		f.Add([]byte("listeners: [" + listener + "]\n"))
	}
	for _, upstream := range upstreamTexts() {
		f.Add([]byte("{listeners: [{addr: \":1\"}], routes: {r: {redirect: https, upstream: u}}, upstreams: {u: " + upstream + "}}"))
	}
	env := mapEnv(map[string]string{"A": "1"})
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := Parse("fuzz", text, env)
		if err == nil {
			checkEffective(t, cfg)
		} else {
			var faults *Faults
			if !errors.As(err, &faults) || len(faults.List) == 0 {
				t.Fatalf("got %v, want *Faults", err)
			}
			checkFaults(t, text, faults.List)
			_ = err.Error()
		}
		fuzzIncluded(t, text)
		for _, parse := range []func(string, []byte) error{
			func(name string, body []byte) error { _, err := ParseUpstream(name, body); return err },
			func(name string, body []byte) error { _, err := ParseRoute(name, body); return err },
		} {
			var faults *Faults
			if err := parse("x", text); err != nil && !errors.As(err, &faults) {
				t.Fatalf("got %v, want *Faults", err)
			}
		}
	})
}

// fuzzIncluded takes a text for an included file, and for a file that includes one.
func fuzzIncluded(t *testing.T, text []byte) {
	t.Helper()
	good := source{name: "good", pattern: 0, text: []byte("upstreams: {web: {addrs: [x]}}")}
	for _, s := range []Sources{
		{path: "main", patterns: []string{"*"}, files: []source{{name: "main", pattern: -1, text: []byte(includesAll)}, good, {name: "fuzz", pattern: 0, text: text}}},
		{path: "fuzz", patterns: includePatterns("fuzz", text), files: []source{{name: "fuzz", pattern: -1, text: text}, good}},
	} {
		if s.files[0].name == "main" {
			s.patterns = includePatterns("main", s.files[0].text)
		}
		cfg, err := s.Load(noEnv)
		var faults *Faults
		switch {
		case err == nil:
			checkEffective(t, cfg)
		case !errors.As(err, &faults) || len(faults.List) == 0:
			t.Fatalf("got %v, want *Faults", err)
		}
		_ = s.sum()
	}
	if tokens, err := tokenize(plainText(strings.ToValidUTF8(string(text), "?"))); err == nil && len(text) < 10_000 && tokens.InvalidToken() == nil {
		compareChunks(t, plainText(strings.ToValidUTF8(string(text), "?")))
	}
}
