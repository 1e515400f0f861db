package config

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// The values that no fault may show, and the sections that they belong into.
// Of the values in these only those are shown whose key says that they are
// harmless, for a misspelt key may stand before a secret.
const (
	secretKey      = "operator_token"
	secretPassword = "password"
	secretSection  = "auth"
	natsSection    = "nats"
)

// harmless tells whether the value of a key in a section may be shown.
func harmless(section, key, value string) bool {
	if section != natsSection {
		return false
	}
	switch key {
	case "addr", "prefix", "user", "events", "max_age", "max_bytes", "per_subject", "tls", "ca", "cert":
		return true
	case "url":
		return !strings.Contains(value, "@")
	}
	return false
}

// maskLines blots out secrets in the lines that faults show, by the text
// alone, for the syntax may be broken there: what follows the key on its line,
// and the credentials of URLs.
func (d *document) maskLines() {
	for i, line := range d.lines {
		if at := strings.Index(line, secretKey); at >= 0 {
			from := at + len(secretKey)
			line = line[:from] + mask(line[from:])
		}
		if at := strings.Index(line, secretPassword); at >= 0 {
			from := at + len(secretPassword)
			if rest := strings.TrimLeft(line[from:], "\"' \t"); strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "=") {
				line = line[:from] + mask(line[from:])
			}
		}
		d.lines[i] = eachCredentials(line, stars)
	}
}

// maskSections blots out the values of the sections that are not harmless.
func (d *document) maskSections(tokens token.Tokens) {
	for i, tk := range tokens {
		if (tk.Value == secretSection || tk.Value == natsSection) && isKey(tokens, i) {
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
	section, last := tokens[i].Value, ""
	inBraces := i+2 < len(tokens) && tokens[i+2].Type == token.MappingStartType
	for i += 2; i < len(tokens); i++ {
		at := tokens[i].Position
		if depth == 0 && at.Line > key.Line && at.Column <= key.Column {
			return // the next key of a block mapping
		}
		switch tokens[i].Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			if depth--; depth < 0 || depth == 0 && inBraces {
				return
			}
		case token.CollectEntryType, token.MappingValueType, token.SequenceEntryType:
		default:
			if isKey(tokens, i) {
				last = tokens[i].Value
			} else if !harmless(section, last, tokens[i].Value) {
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

// mask replaces everything but blanks, and ":", "=" and quotes at the front.
func mask(text string) string {
	rest := strings.TrimLeft(text, `:="' `)
	return text[:len(text)-len(rest)] + stars(rest)
}

// stars replaces everything but blanks, so that columns stay.
func stars(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' {
			return r
		}
		return '*'
	}, text)
}
