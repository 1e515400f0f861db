package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// bounds keep a text from taking more memory, stack or time to read than it
// should: the parser calls itself for each level and for each key of a mapping.
type bounds struct {
	bytes int
	marks int // see marks
	keys  int // of one mapping
	names int // of a block mapping directly under a key of the document, such as upstreams
}

const maxDepth = 64

// maxMarks is how many marks all texts together may have that make their structure, see marks.
// Each stands for one or two tokens of some 250 bytes in memory, before anything
// knows whether they make sense. A file of 10,000 upstreams of 10 peers has some
// 200,000.
const maxMarks = 2_000_000

func fileBounds() bounds {
	return bounds{bytes: 32 << 20, marks: maxMarks, keys: 20_000, names: 100_000}
}
func bodyBounds() bounds { return bounds{bytes: 1 << 20, marks: 200_000, keys: 1_000, names: 1_000} }

// document is a text whose YAML syntax is good.
type document struct {
	file  string
	index int      // which of the documents of a configuration it is, from 0
	plain []string // the lines; never shown
	lines []string // the lines, secrets masked
	root  ast.Node // nil when there is nothing but comments

	// The line that was shown last: faults come in crowds.
	shown      int
	shownRunes []rune
}

// readDocument reads the syntax of text. Faults say what is wrong with it; then
// the document has its lines only.
func readDocument(file string, text []byte, limit bounds) (*document, []Fault) {
	d := &document{file: file}
	if len(text) > limit.bytes {
		return d, []Fault{d.fault(1, 1, fmt.Sprintf("the text has more than %d bytes", limit.bytes))}
	}
	if marks(text) > limit.marks {
		return d, []Fault{d.fault(1, 1, fmt.Sprintf("the text has more than %d lines, keys, list items, brackets and quotes together", limit.marks))}
	}
	clean := plainText(strings.ToValidUTF8(string(text), "?"))
	d.plain = strings.Split(clean, "\n")
	d.lines = slices.Clone(d.plain)
	d.maskLines()
	if fault := d.checkBytes(text); fault != nil {
		return d, []Fault{*fault}
	}
	tokens, err := tokenize(clean)
	if err != nil {
		return d, []Fault{d.fault(1, 1, err.Error())}
	}
	d.maskSections(tokens)
	if invalid := tokens.InvalidToken(); invalid != nil {
		return d, []Fault{d.syntaxFault(invalid.Error, invalid)}
	}
	if faults := d.checkTokens(tokens, limit); len(faults) > 0 {
		return d, faults
	}
	if fault := d.parse(tokens); fault != nil {
		return d, []Fault{*fault}
	}
	return d, nil
}

// marks counts what makes tokens in a text, roughly: lines, keys, list items,
// brackets, quotes and the like.
func marks(text []byte) (n int) {
	for i, c := range text {
		switch c {
		case '\n', '\r', '\t', ',', '[', ']', '{', '}', '"', '\'', '*', '&', '!', '#', '|', '>', '%', '@', '`':
			n++
		case ':', '-', '?':
			if i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n' {
				n++
			}
		}
	}
	return n
}

// plainText drops a byte order mark and makes every line end one "\n", so that
// lines count as an editor counts them.
func plainText(text string) string {
	plain := strings.TrimPrefix(text, "\ufeff")
	if !strings.ContainsRune(plain, '\r') {
		return plain
	}
	return strings.ReplaceAll(strings.ReplaceAll(plain, "\r\n", "\n"), "\r", "\n")
}

// checkBytes finds the first byte that no text has.
func (d *document) checkBytes(text []byte) *Fault {
	line, column := 1, 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		message := ""
		switch {
		case r == utf8.RuneError && size == 1:
			message = fmt.Sprintf("byte 0x%02x is not UTF-8", text[i])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			message = fmt.Sprintf("control character 0x%02x", r)
		}
		if message != "" {
			fault := d.fault(line, column, message)
			fault.Hint = "save the file as UTF-8 text"
			return &fault
		}
		i += size
		column++
		if r == '\n' || r == '\r' && (i >= len(text) || text[i] != '\n') {
			line, column = line+1, 1
		}
	}
	return nil
}

func tokenize(text string) (tokens token.Tokens, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the text cannot be read as YAML")
		}
	}()
	return lexer.Tokenize(text), nil
}

// parse makes d.root out of tokens.
func (d *document) parse(tokens token.Tokens) (fault *Fault) {
	defer func() {
		if recover() != nil {
			f := d.fault(1, 1, "the text cannot be read as YAML")
			fault = &f
		}
	}()
	file, err := parseTokens(tokens, chunkKeys)
	if err != nil {
		f := d.parserFault(err)
		return &f
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if d.root != nil {
			at := startOf(doc.Body).Position
			f := d.fault(at.Line, at.Column, "a second document begins; want one")
			return &f
		}
		d.root = doc.Body
	}
	return nil
}

// parserFault makes a fault of what the parser says.
func (d *document) parserFault(err error) Fault {
	var placed interface {
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &placed) && placed.GetToken() != nil {
		return d.syntaxFault(placed.GetMessage(), placed.GetToken())
	}
	return d.fault(1, 1, "the text cannot be read as YAML")
}

// fault returns a fault at a place, with the line there. A place outside of
// the text, which the parser sometimes names, becomes the nearest inside.
func (d *document) fault(line, column int, message string) Fault {
	line = min(max(line, 1), max(len(d.lines), 1))
	f := Fault{File: d.file, file: d.index, Line: line, Column: max(column, 1), Message: message}
	if line > len(d.lines) {
		return f
	}
	if d.shown != line {
		d.shown, d.shownRunes = line, []rune(d.lines[line-1])
	}
	f.Column = min(f.Column, len(d.shownRunes)+1)
	f.Source, f.mark = window(d.shownRunes, f.Column-1)
	return f
}
