package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// load reads the module in the folder root. Our own files are parsed, all of
// them, so that build constraints hide nothing; `go list` tells the imports of
// everything else.
func load(root string) (*tree, error) {
	var mod struct {
		Module  struct{ Path string }
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	text, err := goTool(root, "mod", "edit", "-json")
	if err == nil {
		err = json.Unmarshal(text, &mod)
	}
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	t := &tree{pkgs: map[string]*pkg{}, libs: map[string]bool{}}
	for _, r := range mod.Require {
		t.libs[r.Path] = !r.Indirect
	}
	if err := t.loadOthers(root, mod.Module.Path); err != nil {
		return nil, err
	}
	return t, t.loadOurs(root, mod.Module.Path)
}

// loadOthers adds the packages that are not ours.
func (t *tree) loadOthers(root, module string) error {
	// -e: a package of ours that does not build is the compiler's business.
	text, err := goTool(root, "list", "-e", "-deps", "-buildvcs=false", "-json=ImportPath,Imports", "./...")
	if err != nil {
		return fmt.Errorf("list packages: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the list of packages: %w", err)
		}
		if !matches(module+"/...", p.ImportPath) {
			t.pkgs[p.ImportPath] = &pkg{imports: p.Imports}
		}
	}
}

// loadOurs adds our packages.
func (t *tree) loadOurs(root, module string) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, noModule := os.Stat(filepath.Join(name, "go.mod"))
			hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")
			if name != root && (hidden || d.Name() == "testdata" || noModule == nil) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parse(name, module)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		t.add("./"+filepath.ToSlash(dir), f)
		return nil
	})
}

// add adds a file to the package at a path, and its imports if they are the product's.
func (t *tree) add(at string, f file) {
	p := t.pkgs[at]
	if p == nil {
		p = &pkg{}
		t.pkgs[at] = p
	}
	p.files = append(p.files, f)
	if f.test() {
		return
	}
	for _, i := range f.imports {
		if !slices.Contains(p.imports, i) {
			p.imports = append(p.imports, i)
		}
	}
}

// parse reads one Go file.
func parse(name, module string) (file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{
		name: filepath.Base(name), pkgName: parsed.Name.Name, generated: ast.IsGenerated(parsed),
		doc: parsed.Doc.Text(), lines: bytes.Count(text, []byte("\n")),
	}
	for _, i := range parsed.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("%s: import %s: %w", name, i.Path.Value, err)
		}
		if matches(module+"/...", p) {
			p = "./" + path.Clean(strings.TrimPrefix(strings.TrimPrefix(p, module), "/"))
		}
		f.imports = append(f.imports, p)
	}
	for _, decl := range parsed.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			f.inits++
		}
	}
	f.sleeps = sleeps(parsed)
	return f, nil
}

// sleeps counts the calls of time.Sleep that are not in a bubble of
// testing/synctest, where the clock is fake and sleeping costs nothing: in what
// is handed to synctest.Test, or to a function of the same file that calls it.
func sleeps(f *ast.File) int {
	bubbles := map[string]bool{}
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
			ast.Inspect(fn, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok && from("synctest", call.Fun) == "Test" {
					bubbles[fn.Name.Name] = true
				}
				return true
			})
		}
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		if from("time", call.Fun) == "Sleep" {
			n++
		}
		fn, plain := call.Fun.(*ast.Ident)
		return from("synctest", call.Fun) != "Test" && (!plain || !bubbles[fn.Name])
	})
	return n
}

// from returns X of pkg.X, or nothing.
func from(pkg string, e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if p, ok := s.X.(*ast.Ident); ok && p.Name == pkg {
			return s.Sel.Name
		}
	}
	return ""
}

// goTool runs the go command in a folder, whatever flags the environment sets.
func goTool(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}
