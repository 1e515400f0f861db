package config

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader walks a document by the keys that the configuration has, and collects
// what is wrong on the way.
type reader struct {
	// docs are the documents that make up the configuration: the file, then
	// what it includes, in the order of document.index.
	docs     []*document
	env      Lookup // nil: variables are not taken
	faults   []Fault
	more     int // faults beyond maxFaults
	warnings []Warning
	origins  *origins
	remarks  map[string]string // by upstream
	// known are the keys that were asked for, by the kind of their place; nil:
	// nobody wants to know.
	known map[string]bool
}

// newReader returns a reader of a document, and of those that it includes.
func newReader(env Lookup, doc *document, included ...*document) *reader {
	r := &reader{docs: append([]*document{doc}, included...), env: env, origins: &origins{at: map[string]origin{}}, remarks: map[string]string{}}
	for i, d := range r.docs {
		d.index = i
		r.origins.files = append(r.origins.files, d.file)
	}
	return r
}

// err returns the faults as an error, or nil.
func (r *reader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	f := &Faults{List: r.faults, More: r.more}
	f.sort()
	return f
}

// item is a value of the document with its place.
type item struct {
	r    *reader
	doc  *document
	node ast.Node
	// path is where it is: "upstreams.api.addrs[1]". kind is the same for all
	// of its kind: "upstreams.NAME.addrs[]".
	path, kind string
}

// root returns the whole of the first document.
func (r *reader) root() item { return r.rootOf(r.docs[0]) }

func (r *reader) rootOf(d *document) item { return item{r: r, doc: d, node: d.root} }

// fault notes that the value is wrong.
func (v item) fault(message string) { v.hinted("", message) }

func (v item) faultf(format string, args ...any) { v.fault(fmt.Sprintf(format, args...)) }

// hinted notes that the value is wrong, and what most likely helps.
func (v item) hinted(hint, message string) {
	v.report(startOf(v.node), message, hint)
}

// report notes a fault at a token of the value, or of its key.
func (v item) report(at *token.Token, message, hint string) {
	r := v.r
	if len(r.faults) == maxFaults {
		r.more++
		return
	}
	f := v.doc.fault(at.Position.Line, at.Position.Column, message)
	f.Path, f.Hint = v.path, hint
	r.faults = append(r.faults, f)
}

// seenFrom returns where the key of an entry is, for those who read another
// place of the same configuration: "line 3", or "line 3 of conf.d/a.yaml".
func (e entry) seenFrom(d *document) string {
	line := fmt.Sprintf("line %d", startOf(e.key).Position.Line)
	if e.doc != d {
		line += " of " + fileText(e.doc.file)
	}
	return line
}

// warn notes that the value is odd.
func (v item) warn(message string) {
	at := startOf(v.node).Position
	f := v.doc.fault(at.Line, at.Column, message)
	v.r.warnings = append(v.r.warnings, Warning{File: f.File, Line: f.Line, Column: f.Column, Path: v.path, Message: message})
}

// startOf returns the first token of a node; the parser puts some nodes at
// their ":" or at their second line.
func startOf(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return startOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return startOf(n.Key)
	case *ast.LiteralNode:
		return n.Start
	}
	return n.GetToken()
}

// describe says what a node is, for "want X, not Y".
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping (keys and values)"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	}
	return "this"
}

func (v item) isNull() bool { _, null := v.node.(*ast.NullNode); return null }

// reject notes that a value is of the wrong kind. A key without a value gets
// its own words: mostly its value was indented too little.
func (v item) reject(want string) {
	if v.isNull() {
		v.hinted("leave the key out for its default; what belongs to it is indented below it", "the key has no value; want "+want)
		return
	}
	v.faultf("want %s, not %s", want, describe(v.node))
}

// list returns the items of a list.
func (v item) list(want string) ([]item, bool) {
	seq, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.reject(want)
		return nil, false
	}
	items := make([]item, 0, len(seq.Values))
	for i, n := range seq.Values {
		items = append(items, item{r: v.r, doc: v.doc, node: n, path: v.path + "[" + strconv.Itoa(i) + "]", kind: v.kind + "[]"})
	}
	v.note()
	return items, true
}

// isMapping, isList tell what a value is, where it may be different things.
func (v item) isMapping() bool {
	switch v.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

func (v item) isList() bool { _, list := v.node.(*ast.SequenceNode); return list }

func (v item) isEmptyList() bool {
	list, ok := v.node.(*ast.SequenceNode)
	return ok && len(list.Values) == 0
}

// quote shows a text in a message, cut when it is long.
func quote(text string) string { return strconv.Quote(shorten(text)) }

// shorten cuts a text for a message; what a URL in it has of credentials is masked.
func shorten(text string) string {
	const longest = 60
	text = maskURLs(text)
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "..."
	}
	return text
}
