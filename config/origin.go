package config

import (
	"fmt"
	"slices"
	"strings"
)

// origin is where a value comes from.
type origin struct {
	line int
	env  []string // the variables that it was made of
}

// origins are those of the values that the file has, by path. What is not
// there is a default.
type origins map[string]origin

// note remembers where the value stands.
func (v item) note(env ...string) {
	v.r.origins[v.path] = origin{line: startOf(v.node).Position.Line, env: env}
}

// noteAs remembers the value's place for another path, of which it is a short form.
func (v item) noteAs(path string) { v.r.origins[path] = v.r.origins[v.path] }

// of returns the words for where the value at path comes from.
func (o origins) of(path string) string {
	from, ok := o[path]
	if !ok {
		return "default"
	}
	if len(from.env) == 0 {
		return fmt.Sprintf("line %d", from.line)
	}
	return fmt.Sprintf("line %d, env %s", from.line, strings.Join(slices.Compact(from.env), ", "))
}
