package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// syntaxFault makes a fault of what lexer or parser say of a token, in words
// that tell what to do.
func (d *document) syntaxFault(message string, at *token.Token) Fault {
	f := d.fault(at.Position.Line, at.Position.Column, message)
	line := d.plain[f.Line-1]
	switch {
	case strings.Contains(message, "'\t'"):
		f.Message, f.Hint = "a tab cannot indent a line", "indent with spaces"
	case strings.Contains(message, "reserved character"):
		f.Hint = "put the value in quotes"
	case strings.Contains(message, "quoted text"):
		f.Message, f.Hint = "the quoted text has no end, or an escape in it is not known", `"\\" is a backslash in double quotes; single quotes take it as it is`
	case strings.Contains(line, "${") && (strings.Contains(message, "end token") || strings.Contains(message, "must be specified")):
		f.Hint = `inside { } and [ ] a variable needs quotes: "${NAME}"`
	case strings.Contains(message, "mapping value is not allowed"):
		f.Hint = `put a value that has ": " in it in quotes; if it has none, look at the indentation`
	case strings.Contains(message, "end token"), strings.Contains(message, "must be specified"):
		f.Hint = "a bracket or brace is not closed, or a comma is missing"
	case strings.Contains(message, "directive"):
		f.Hint = "put a value that begins with % in quotes"
	case strings.Contains(line, "]:"):
		f.Hint = `put an IPv6 address in quotes: "[::1]:80"`
	case strings.Contains(message, "value is not allowed"), strings.Contains(message, "non-map value"):
		f.Hint = "look at the indentation of this line and the one before"
	}
	return f
}

// checkTokens refuses what YAML has and a configuration does not need, and
// what would be too much for the parser.
func (d *document) checkTokens(tokens token.Tokens, limit bounds) []Fault {
	var faults []Fault
	depth := depthMeter{limit: limit}
	begun := false
	for i, tk := range tokens {
		at := tk.Position
		message, hint := refusal(tokens, i)
		if tk.Type == token.DocumentHeaderType && begun {
			message = "a second document begins; want one"
		}
		begun = begun || tk.Type != token.CommentType
		if message != "" {
			f := d.fault(at.Line, at.Column, message)
			f.Hint = hint
			faults = append(faults, f)
		}
		if len(faults) == maxFaults {
			return faults
		}
		if tooMuch := depth.note(tokens, i); tooMuch != "" {
			return append(faults, d.fault(at.Line, at.Column, tooMuch))
		}
	}
	return faults
}

// refusal says why a token is not taken, or nothing.
func refusal(tokens token.Tokens, i int) (message, hint string) {
	switch tk := tokens[i]; tk.Type {
	case token.AliasType:
		if i+1 < len(tokens) && !isName(tokens[i+1].Value) {
			return "a value that begins with * must be quoted", fmt.Sprintf(`"*%s"`, shorten(tokens[i+1].Value))
		}
		return "aliases are not taken", "write out what the alias stands for"
	case token.AnchorType:
		return "anchors are not taken", "write the value out where it is used; if it begins with &, put it in quotes"
	case token.MergeKeyType:
		return "merge keys are not taken", "write the keys out"
	case token.TagType:
		return "tags are not taken", "if the value begins with !, put it in quotes"
	case token.DirectiveType:
		if tk.Position.Column > 1 {
			return "a value that begins with % must be quoted", ""
		}
		return "directives are not taken", "leave the line out"
	case token.SequenceEntryType:
		if isEmptyItem(tokens, i) { // no list takes one, and the parser takes ages over very many
			return "the list item is empty", "write its value behind the dash, or leave the dash out"
		}
	case token.MappingKeyType:
		return `"? " keys are not taken`, `write "key: value"`
	}
	return "", ""
}

// isEmptyItem tells whether nothing follows the dash of a list item.
func isEmptyItem(tokens token.Tokens, i int) bool {
	for _, next := range tokens[i+1:] {
		if next.Type != token.CommentType {
			return next.Position.Line > tokens[i].Position.Line && next.Position.Column <= tokens[i].Position.Column
		}
	}
	return true
}

// depthMeter follows how deep values are nested and how many keys a block
// mapping has, by tokens alone.
type depthMeter struct {
	limit  bounds
	flow   int
	blocks []block
}

// block is an open block collection.
type block struct {
	column, keys int
	// entries: the last thing in it was an entry of a list.
	entries bool
}

// note looks at token i; it returns what is too much, or nothing.
func (m *depthMeter) note(tokens token.Tokens, i int) string {
	switch tk := tokens[i]; tk.Type {
	case token.MappingStartType, token.SequenceStartType:
		m.flow++
	case token.MappingEndType, token.SequenceEndType:
		m.flow--
	case token.SequenceEntryType:
		m.block(tk.Position.Column, true)
	case token.MappingValueType:
		if i > 0 && m.flow <= 0 {
			keys, most := m.block(tokens[i-1].Position.Column, false), m.most()
			if keys > most {
				return fmt.Sprintf("more than %d keys in one mapping", most)
			}
		}
	}
	if m.flow+len(m.blocks) > maxDepth {
		return fmt.Sprintf("values are nested deeper than %d levels", maxDepth)
	}
	return ""
}

// most is how many keys the innermost mapping may have. Those that are parsed
// in chunks may have more.
func (m *depthMeter) most() int {
	if len(m.blocks) == 2 && !m.blocks[0].entries {
		return m.limit.names
	}
	return m.limit.keys
}

// block counts a key or an entry of the block collection at column.
func (m *depthMeter) block(column int, entry bool) int {
	for len(m.blocks) > 0 && m.blocks[len(m.blocks)-1].column > column {
		m.blocks = m.blocks[:len(m.blocks)-1]
	}
	if len(m.blocks) == 0 || m.blocks[len(m.blocks)-1].column < column {
		m.blocks = append(m.blocks, block{column: column})
	}
	last := &m.blocks[len(m.blocks)-1]
	last.keys, last.entries = last.keys+1, entry
	return last.keys
}
