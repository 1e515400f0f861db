package archtest

import (
	"maps"
	"slices"
	"strings"
)

// tree is what the rules are checked against. Keys are import paths; those of
// the module itself begin with "./" in place of the module's path: "./proxy".
type tree struct {
	pkgs map[string]*pkg
	// libs are the modules that go.mod requires, and whether directly.
	libs map[string]bool
}

// pkg is one package. For packages that are not ours only imports are known.
type pkg struct {
	imports []string // of what is compiled into the product
	files   []file   // ours, test files too
}

// file is one Go file of ours, whatever its build constraints.
type file struct {
	name    string // without folder
	pkgName string
	imports []string
	doc     string // the package comment, if any
	lines   int
	inits   int // functions called init
	sleeps  int // calls of time.Sleep outside testing/synctest
	// generated files are not held to a size.
	generated bool
}

func (f file) test() bool { return strings.HasSuffix(f.name, "_test.go") }

// own tells whether an import path is one of the module.
func own(path string) bool { return strings.HasPrefix(path, "./") }

// standard tells whether an import path is one of the standard library.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !own(path) && !strings.Contains(first, ".")
}

// matches tells whether pattern covers path. A pattern is a path, or a path
// with "/..." which covers the path and all beneath it.
func matches(pattern, path string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return path == base || (below && strings.HasPrefix(path, base+"/"))
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// ours returns the paths of our packages, sorted.
func (t *tree) ours() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for path := range maps.Keys(t.pkgs) {
			if own(path) && !yield(path) {
				return
			}
		}
	})
}

// chain returns the shortest chain of imports from a package to the first that
// hit accepts, both ends included, or nil.
func (t *tree) chain(from string, hit func(path string) bool) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		p := t.pkgs[queue[0]]
		if p == nil {
			continue // not listed: nothing is known of what it imports
		}
		for _, next := range p.imports {
			if _, seen := before[next]; seen {
				continue
			}
			before[next] = queue[0]
			if hit(next) {
				var chain []string
				for at := next; at != ""; at = before[at] {
					chain = append(chain, at)
				}
				slices.Reverse(chain)
				return chain
			}
			queue = append(queue, next)
		}
	}
	return nil
}
