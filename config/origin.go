package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// origin is where a value comes from: a line of one of the files. It is kept
// for every value, so it is small.
type origin struct{ file, line int32 }

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
	v.r.origins.at[v.path] = origin{file: int32(v.doc.index), line: int32(startOf(v.node).Position.Line)} //nolint:gosec // both are bounded
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

// fileText shows the name of a file on one line.
func fileText(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
