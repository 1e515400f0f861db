package config

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// printer writes YAML, each value with the place that it comes from; or it
// collects the values alone, for those who compare them.
type printer struct {
	out    *strings.Builder
	from   *origins
	path   string
	indent string
	// dash is true until the first line of a list's element is written.
	dash bool
	// leftOut: what is written is a comment.
	leftOut bool
	// leaves takes the values; nil: they are written.
	leaves *[]leaf
}

// leaf is a value with its path.
type leaf struct {
	path, value string
	// shown is the value as people may see it.
	shown string
}

func newPrinter(from *origins) *printer { return &printer{out: &strings.Builder{}, from: from} }

// leavesOf returns the values that write would print, in this order.
func leavesOf(write func(*printer)) []leaf {
	var list []leaf
	write(&printer{leaves: &list})
	return list
}

// String returns what was printed so far.
func (p *printer) String() string { return p.out.String() }

func (p *printer) line(text, comment string) {
	if p.leaves != nil {
		return
	}
	line := p.indent + text
	if p.leftOut {
		line = "# " + line
	}
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
func (p *printer) comment(text string) {
	if !p.leftOut {
		text = "# " + text
	}
	p.line(text, "")
}

// without returns a printer that writes values as comments: secrets, and what
// has no meaning without them. A placeholder must not become a value.
func (p *printer) without() *printer {
	comments := *p
	comments.leftOut = true
	return &comments
}

// leaf takes a value, if they are collected.
func (p *printer) leaf(key, value, shown string) bool {
	if p.leaves == nil {
		return false
	}
	*p.leaves = append(*p.leaves, leaf{path: join(p.path, key), value: value, shown: shown})
	return true
}

// plain writes a value that needs no quotes.
func (p *printer) plain(key, value string) { p.masked(key, value, value) }

// masked writes what people may see of a value.
func (p *printer) masked(key, value, shown string) {
	if !p.leaf(key, value, shown) {
		p.line(keyText(key)+": "+shown, p.from.of(join(p.path, key)))
	}
}

// text writes a value in quotes.
func (p *printer) text(key, value string) {
	shown := value
	if value == "" {
		shown = `""`
	}
	if !p.leaf(key, value, shown) {
		p.plain(key, quoted(value))
	}
}

// texts writes a list of values.
func (p *printer) texts(key string, values []string) { p.plain(key, quotedList(values)) }

// absent says in words what holds where a key has no value.
func (p *printer) absent(key, words string) {
	if !p.leaf(key, "", words) {
		p.comment(key + ": " + words)
	}
}

// open begins a mapping or a list under key. Something must be written into it.
func (p *printer) open(key string) *printer {
	p.line(keyText(key)+":", "")
	return &printer{out: p.out, from: p.from, path: join(p.path, key), indent: p.indent + "  ", leaves: p.leaves, leftOut: p.leftOut}
}

// element begins element i of a list.
func (p *printer) element(i int) *printer {
	return &printer{out: p.out, from: p.from, path: p.path + "[" + strconv.Itoa(i) + "]", indent: p.indent + "  ", dash: true, leaves: p.leaves}
}

// fields writes header fields; several values of one name as a list.
func (p *printer) fields(key string, fields messages.List[messages.HeaderField]) {
	if fields.Len() == 0 {
		if p.leaves == nil {
			p.plain(key, "{}")
		}
		return
	}
	p = p.open(key)
	for i := 0; i < fields.Len(); {
		name := fields.At(i).Name
		var values []string
		for ; i < fields.Len() && fields.At(i).Name == name; i++ {
			values = append(values, fields.At(i).Value)
		}
		switch list := quotedList(values); {
		case p.leaf(name, list, ""): // it may be a credential
		case len(values) == 1:
			p.text(name, values[0])
		default:
			p.plain(name, list)
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
