package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// vocabulary is what the messages are and where they are handled.
type vocabulary struct {
	// words are the types of package messages that have a method message().
	words map[string]struct{}
	// cases are the types T of `case messages.T` in type switches under actors/;
	// pointers those of `case *messages.T`, with a place.
	cases    map[string]struct{}
	pointers map[string]string
}

// loadVocabulary reads the folders messages and actors beneath root.
func loadVocabulary(root string) (*vocabulary, error) {
	v := &vocabulary{words: map[string]struct{}{}, cases: map[string]struct{}{}, pointers: map[string]string{}}
	for folder, note := range map[string]func(*token.FileSet, *ast.File){"messages": v.noteWords, "actors": v.noteCases} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err == nil {
				note(files, parsed)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", folder, err)
		}
	}
	return v, nil
}

// noteWords notes the receivers of methods called message.
func (v *vocabulary) noteWords(_ *token.FileSet, f *ast.File) {
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || fn.Name.Name != "message" {
			continue
		}
		of := fn.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if name, ok := of.(*ast.Ident); ok {
			v.words[name.Name] = struct{}{}
		}
	}
}

// noteCases notes the types of package messages in the cases of type switches.
func (v *vocabulary) noteCases(files *token.FileSet, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.TypeSwitchStmt)
		if !ok {
			return true
		}
		for _, clause := range s.Body.List {
			for _, e := range clause.(*ast.CaseClause).List {
				if star, ok := e.(*ast.StarExpr); ok {
					if name := from("messages", star.X); name != "" {
						v.pointers[name] = files.Position(e.Pos()).String()
					}
				} else if name := from("messages", e); name != "" {
					v.cases[name] = struct{}{}
				}
			}
		}
		return true
	})
}

// check returns the words that no actor handles, and those handled as pointers.
func (v *vocabulary) check() []fault {
	var faults []fault
	if len(v.words) == 0 {
		faults = append(faults, fault{"./messages", "has no type with a method message()", "then this test holds nothing"})
	}
	for _, word := range slices.Sorted(maps.Keys(v.words)) {
		if _, ok := v.cases[word]; !ok {
			faults = append(faults, fault{"messages." + word, "is in no type switch under actors/", "a message that nobody handles is lost without a word"})
		}
	}
	for _, word := range slices.Sorted(maps.Keys(v.pointers)) {
		faults = append(faults, fault{v.pointers[word], "case *messages." + word, "messages are sent by value; this case never comes true"})
	}
	return faults
}
