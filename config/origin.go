package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// origin is where a value comes from: a place in one of the files. It is kept
// for every value, so it is small.
type origin struct{ file, line, column int32 }

// origins are those of the values that the files have, by path. What is not
// there is a default.
type origins struct {
	files []string
	at    map[string]origin
	// env are the variables that a value was made of, by path.
	env map[string][]string
}

// note remembers where the value stands.
func (v item) note(env ...string) {
	at := startOf(v.node).Position
	v.r.origins.at[v.path] = origin{file: int32(v.doc.index), line: int32(at.Line), column: int32(at.Column)} //nolint:gosec // all are bounded
	v.r.origins.made(v.path, env)
}

// noteAs remembers the value's place for another path, of which it is a short form.
func (v item) noteAs(path string) {
	o := v.r.origins
	o.at[path] = o.at[v.path]
	o.made(path, o.env[v.path])
}

func (o *origins) made(path string, env []string) {
	if len(env) == 0 {
		return
	}
	if o.env == nil {
		o.env = map[string][]string{}
	}
	o.env[path] = env
}

// of returns the words for where the value at path comes from.
func (o *origins) of(path string) string {
	if o == nil {
		return "default"
	}
	from, ok := o.at[path]
	if !ok {
		return "default"
	}
	text := fmt.Sprintf("line %d", from.line)
	if from.file > 0 {
		text = fileText(o.files[from.file]) + " " + text
	}
	if env := o.env[path]; len(env) > 0 {
		text += ", env " + strings.Join(slices.Compact(env), ", ")
	}
	return text
}

// FaultAt returns a fault of the value at a path, such as
// "listeners[0].tls.certs[1].key", for those who find out about what it names. Its
// place is that of the value, or none when the value is a default.
func (c *Config) FaultAt(path, message string) Fault {
	f := Fault{Path: path, Message: message}
	if c.origins == nil {
		return f
	}
	if at, ok := c.origins.at[path]; ok {
		f.File, f.Line, f.Column, f.file = c.origins.files[at.file], int(at.line), int(at.column), int(at.file)
	}
	return f
}

// NewFaults returns an error of faults, in the order of the files; nil when there
// are none.
func NewFaults(list []Fault) error {
	if len(list) == 0 {
		return nil
	}
	f := &Faults{}
	f.add(list)
	f.sort()
	return f
}

// fileText shows the name of a file on one line.
func fileText(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
