package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// object is a mapping whose keys are known. A key becomes known by being asked
// for; what nobody asked for until close is a fault. So no key can be taken and
// left without effect.
type object struct {
	item
	entries []entry
	asked   []string
}

type entry struct {
	name string
	key  ast.Node
	item // the value
}

// object returns the value as a mapping.
func (v item) object(want string) (*object, bool) {
	entries, ok := v.entries(want, func(name string) string { return name })
	return &object{item: v, entries: entries}, ok
}

// entries returns the entries of a mapping, in order, each name once. kind
// makes the kind of a value's place of its name.
func (v item) entries(want string, kind func(name string) string) ([]entry, bool) {
	var pairs []*ast.MappingValueNode
	switch n := v.node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		v.reject(want)
		return nil, false
	}
	first := make(map[string]int, len(pairs))
	entries := make([]entry, 0, len(pairs))
	for _, pair := range pairs {
		name, ok := keyName(pair.Key)
		e := entry{name: name, key: pair.Key, item: item{r: v.r, doc: v.doc, node: pair.Value, path: join(v.path, name), kind: join(v.kind, kind(name))}}
		if !ok {
			e.badKey("want a plain key, not " + describe(pair.Key))
			continue
		}
		if line, twice := first[name]; twice {
			e.badKey(fmt.Sprintf("the key is here twice, first in line %d", line))
			continue
		}
		first[name] = startOf(pair.Key).Position.Line
		entries = append(entries, e)
	}
	v.note()
	return entries, true
}

// badKey notes that the key itself is wrong.
func (e entry) badKey(message string) { e.report(startOf(e.key), message, "") }

// keyName returns the text of a key, as written when it is not quoted.
func keyName(key ast.Node) (string, bool) {
	switch key := key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return key.GetToken().Value, true
	}
	return key.GetToken().Value, false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// get returns the value of a key, if it is there.
func (o *object) get(key string) (item, bool) {
	o.asked = append(o.asked, key)
	if o.r.known != nil {
		o.r.known[join(o.kind, key)] = true
	}
	for _, e := range o.entries {
		if e.name == key {
			return e.item, true
		}
	}
	return item{}, false
}

// has tells whether a key is there, without reading it.
func (o *object) has(key string) bool {
	for _, e := range o.entries {
		if e.name == key {
			return true
		}
	}
	return false
}

// need notes that a key is missing, unless there is one that must be meant for
// it: that is noted by close.
func (o *object) need(key, words string) {
	if o.has(key) {
		return
	}
	for i, e := range o.entries {
		if i < maxFaults && closest(e.name, []string{key}) != "" {
			return
		}
	}
	o.fault(words)
}

// child returns the value of a key of a sound mapping, or the mapping itself.
func (v item) child(key string) item {
	if o, ok := v.object(""); ok && o.has(key) {
		v, _ = o.get(key)
	}
	return v
}

// forbid notes a fault for each of the keys that is there.
func (o *object) forbid(message, hint string, keys ...string) {
	for _, key := range keys {
		if v, ok := o.get(key); ok {
			v.hinted(hint, message)
		}
	}
}

// close notes the keys that nobody asked for.
func (o *object) close() {
	for _, e := range o.entries {
		known := false
		for _, key := range o.asked {
			known = known || key == e.name
		}
		switch {
		case known:
		case len(o.r.faults) == maxFaults:
			o.r.more++ // without the work of a suggestion
		default:
			e.report(startOf(e.key), "unknown key", suggest(e.name, o.asked))
		}
	}
}

// read puts the value of a key into *into when the key is there and its value
// is good.
func read[T any](o *object, key string, into *T, parse func(item) (T, bool)) {
	if v, ok := o.get(key); ok {
		if value, ok := parse(v); ok {
			*into = value
		}
	}
}
