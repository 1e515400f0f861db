package config

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// The one value that no fault may show, and the section that it belongs into:
// of that no value is shown at all, for a misspelt key may stand before it.
const (
	secretKey     = "operator_token"
	secretSection = "auth"
)

// maskLines blots out secrets in the lines that faults show, by the text
// alone, for the syntax may be broken there: what follows the key on its line.
func (d *document) maskLines() {
	for i, line := range d.lines {
		if at := strings.Index(line, secretKey); at >= 0 {
			from := at + len(secretKey)
			d.lines[i] = line[:from] + mask(line[from:])
		}
	}
}

// maskSections blots out every value of the section.
func (d *document) maskSections(tokens token.Tokens) {
	for i, tk := range tokens {
		if tk.Value == secretSection && isKey(tokens, i) {
			d.maskSection(tokens, i)
		}
	}
}

func isKey(tokens token.Tokens, i int) bool {
	return i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType
}

// maskSection blots out the values below the key that is token i.
func (d *document) maskSection(tokens token.Tokens, i int) {
	key, depth := tokens[i].Position, 0
	for i += 2; i < len(tokens); i++ {
		at := tokens[i].Position
		if depth == 0 && at.Line > key.Line && at.Column <= key.Column {
			return // the next key of a block mapping
		}
		switch tokens[i].Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			if depth--; depth <= 0 {
				return
			}
		case token.CollectEntryType, token.MappingValueType, token.SequenceEntryType:
		default:
			if !isKey(tokens, i) {
				d.maskToken(tokens, i)
			}
		}
	}
}

// maskToken blots out token i, up to the next one.
func (d *document) maskToken(tokens token.Tokens, i int) {
	from := tokens[i].Position
	last, before := len(d.lines), 0
	if i+1 < len(tokens) {
		last, before = tokens[i+1].Position.Line, tokens[i+1].Position.Column
	}
	for line := max(from.Line, 1); line <= min(last, len(d.lines)); line++ {
		runes := []rune(d.lines[line-1])
		start, end := 0, len(runes)
		if line == from.Line {
			start = min(max(from.Column-1, 0), len(runes))
		}
		if line == last && before > 0 {
			end = min(max(before-1, start), len(runes))
		}
		d.lines[line-1] = string(runes[:start]) + mask(string(runes[start:end])) + string(runes[end:])
	}
}

// mask replaces everything but blanks, and ":" and quotes at the front.
func mask(text string) string {
	rest := strings.TrimLeft(text, `:"' `)
	return text[:len(text)-len(rest)] + strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return r
		}
		return '*'
	}, rest)
}
