package proxy

import "github.com/weirproxy/weir/messages"

// Fields is the list of header fields of a message, in order and with the case
// in which they came. Names compare without regard to case (RFC 9110, 5.1).
// The zero Fields is empty. It does not allocate once it has grown.
type Fields struct{ list []messages.HeaderField }

// Len returns how many fields there are.
func (f *Fields) Len() int { return len(f.list) }

// At returns field i.
func (f *Fields) At(i int) messages.HeaderField { return f.list[i] }

// Add appends a field.
func (f *Fields) Add(name, value string) {
	f.list = append(f.list, messages.HeaderField{Name: name, Value: value})
}

// Get returns the first value of name, or "".
func (f *Fields) Get(name string) string {
	for i := range f.list {
		if equalFold(f.list[i].Name, name) {
			return f.list[i].Value
		}
	}
	return ""
}

// Has tells whether there is a field of that name.
func (f *Fields) Has(name string) bool {
	for i := range f.list {
		if equalFold(f.list[i].Name, name) {
			return true
		}
	}
	return false
}

// Set replaces the first field of that name, removes the others, or appends.
func (f *Fields) Set(name, value string) {
	for i := range f.list {
		if equalFold(f.list[i].Name, name) {
			f.list[i].Value = value
			f.delFrom(i+1, name)
			return
		}
	}
	f.Add(name, value)
}

// Del removes every field of that name and keeps the order of the rest.
func (f *Fields) Del(name string) { f.delFrom(0, name) }

// Reset empties the list and keeps its memory.
func (f *Fields) Reset() {
	clear(f.list)
	f.list = f.list[:0]
}

func (f *Fields) delFrom(from int, name string) {
	kept := from
	for i := from; i < len(f.list); i++ {
		if !equalFold(f.list[i].Name, name) {
			f.list[kept] = f.list[i]
			kept++
		}
	}
	clear(f.list[kept:])
	f.list = f.list[:kept]
}

// equalFold compares ASCII without regard to case; names are ASCII tokens.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
