package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Fault is one thing that is wrong in a configuration, and where.
type Fault struct {
	File string `json:"file,omitempty"`
	// Line and Column are counted from 1, in characters.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path is where in the document it is: "upstreams.api.addrs[1]"; empty for
	// the document as a whole.
	Path string `json:"path"`
	// Message says what is wrong and what is wanted.
	Message string `json:"message"`
	// Hint says what most likely helps; may be empty.
	Hint string `json:"hint,omitempty"`
	// Source is the line of the file, or of a long one the part around Column;
	// secrets are masked.
	Source string `json:"source,omitempty"`

	mark int // where in Source the column is, from 0
	file int // document.index of File
}

// Faults is the error of a configuration that is not valid: everything that is
// wrong with it, in the order of the file. errors.Is(err, ErrInvalid) holds.
type Faults struct {
	// List has at most 200 faults; More is how many there are besides.
	List []Fault `json:"faults"`
	More int     `json:"more,omitempty"`
}

const maxFaults = 200

// Unwrap returns ErrInvalid.
func (f *Faults) Unwrap() error { return ErrInvalid }

// Error returns all faults as text for a terminal, each with its line and a
// mark under the place.
func (f *Faults) Error() string {
	var b strings.Builder
	if len(f.List) > 1 {
		fmt.Fprintf(&b, "%d faults", len(f.List)+f.More)
		if f.More > 0 {
			fmt.Fprintf(&b, ", of which these are the first %d", len(f.List))
		}
		b.WriteString("\n\n")
	}
	for i, fault := range f.List {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(fault.String())
	}
	return b.String()
}

func (f *Faults) sort() {
	slices.SortStableFunc(f.List, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// String returns place and message, the line with a mark, and the hint.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(place(f.File, f.Line, f.Column, f.Path) + f.Message)
	if f.Source != "" {
		number := fmt.Sprintf("%5d", f.Line)
		fmt.Fprintf(&b, "\n%s | %s", number, f.Source)
		fmt.Fprintf(&b, "\n%s | %s^", strings.Repeat(" ", len(number)), strings.Repeat(" ", f.mark))
	}
	if f.Hint != "" {
		b.WriteString("\n        hint: " + strings.ReplaceAll(f.Hint, "\n", "\n        "))
	}
	return b.String()
}

// place returns "FILE:LINE:COLUMN: PATH: " without what is not known.
func place(file string, line, column int, path string) string {
	var b strings.Builder
	if file != "" {
		b.WriteString(file + ":")
	}
	if line > 0 {
		fmt.Fprintf(&b, "%d:%d:", line, column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if path != "" {
		b.WriteString(path + ": ")
	}
	return b.String()
}

// windowWidth is how much of a line is shown; the body of a config put may be one long line.
const windowWidth = 120

// window cuts a long line around column at (from 0), and returns where that is
// in what is left. Control characters become spaces.
func window(line []rune, at int) (text string, mark int) {
	from := 0
	if len(line) > windowWidth {
		from = max(0, min(at-windowWidth/2, len(line)-windowWidth))
	}
	to := min(len(line), from+windowWidth)
	shown := slices.Clone(line[from:to])
	for i, r := range shown {
		if unicode.IsControl(r) {
			shown[i] = ' '
		}
	}
	text, mark = string(shown), at-from
	if from > 0 {
		text, mark = "..."+text, mark+len("...")
	}
	if to < len(line) {
		text += "..."
	}
	return text, mark
}
