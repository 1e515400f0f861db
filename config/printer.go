package config

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// printer writes YAML, each value with the place that it comes from.
type printer struct {
	out    *strings.Builder
	from   origins
	path   string
	indent string
	// dash is true until the first line of a list's element is written.
	dash bool
}

func newPrinter(from origins) *printer { return &printer{out: &strings.Builder{}, from: from} }

// String returns what was printed so far.
func (p *printer) String() string { return p.out.String() }

func (p *printer) line(text, comment string) {
	line := p.indent + text
	if p.dash {
		line = p.indent[:len(p.indent)-2] + "- " + text
		p.dash = false
	}
	if comment != "" {
		const column = 48
		line += strings.Repeat(" ", max(column-len([]rune(line)), 1)) + "# " + comment
	}
	p.out.WriteString(line + "\n")
}

// comment writes a line that says what has no value.
func (p *printer) comment(text string) { p.line("# "+text, "") }

// plain writes a value that needs no quotes.
func (p *printer) plain(key, value string) {
	p.line(keyText(key)+": "+value, p.from.of(join(p.path, key)))
}

// text writes a value in quotes.
func (p *printer) text(key, value string) { p.plain(key, quoted(value)) }

// texts writes a list of values.
func (p *printer) texts(key string, values []string) { p.plain(key, quotedList(values)) }

// open begins a mapping or a list under key. Something must be written into it.
func (p *printer) open(key string) *printer {
	p.line(keyText(key)+":", "")
	return &printer{out: p.out, from: p.from, path: join(p.path, key), indent: p.indent + "  "}
}

// element begins element i of a list.
func (p *printer) element(i int) *printer {
	return &printer{out: p.out, from: p.from, path: p.path + "[" + strconv.Itoa(i) + "]", indent: p.indent + "  ", dash: true}
}

// fields writes header fields; several values of one name as a list.
func (p *printer) fields(key string, fields messages.List[messages.HeaderField]) {
	if fields.Len() == 0 {
		p.plain(key, "{}")
		return
	}
	p = p.open(key)
	for i := 0; i < fields.Len(); {
		name := fields.At(i).Name
		var values []string
		for ; i < fields.Len() && fields.At(i).Name == name; i++ {
			values = append(values, fields.At(i).Value)
		}
		if len(values) == 1 {
			p.text(name, values[0])
		} else {
			p.texts(name, values)
		}
	}
}

func quotedList(values []string) string {
	parts := make([]string, 0, len(values))
	for _, value := range values {
		parts = append(parts, quoted(value))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// quoted returns text as a value in double quotes that reads as text again.
func quoted(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(escapeVariables(text)); err != nil {
		return strconv.Quote(text) // a string always encodes
	}
	// JSON leaves DEL as it is; no YAML text has it.
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// keyText returns a key as it is written: names that begin with a letter stand
// without quotes.
func keyText(key string) string {
	if isName(key) && strings.IndexByte("-_0123456789", key[0]) < 0 {
		return key
	}
	return strconv.Quote(key)
}
