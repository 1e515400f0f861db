package config

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// headerOps reads {set, add, remove}.
func (v item) headerOps() (messages.HeaderOps, bool) {
	o, ok := v.object("a mapping of set, add and remove")
	if !ok {
		return messages.HeaderOps{}, false
	}
	var ops messages.HeaderOps
	if set, ok := o.get("set"); ok {
		ops.Set = messages.ListOf(set.fields(false, editableField)...)
	}
	if add, ok := o.get("add"); ok {
		ops.Add = messages.ListOf(add.fields(true, editableField)...)
	}
	if remove, ok := o.get("remove"); ok {
		ops.Remove = messages.ListOf(remove.fieldNames()...)
	}
	o.close()
	return ops, true
}

// fields reads a mapping of names to values; with several, a value may also be
// a list. Names that differ only in case are one name.
func (v item) fields(several bool, allowed func(name string) string) []messages.HeaderField {
	entries, ok := v.entries("a mapping of header names to values", func(string) string { return "HEADER" })
	if !ok {
		return nil
	}
	var fields []messages.HeaderField
	lines := map[string]int{}
	for _, e := range entries {
		lower := strings.ToLower(e.name)
		line, twice := lines[lower]
		lines[lower] = startOf(e.key).Position.Line
		problem := allowed(e.name)
		if twice {
			problem = fmt.Sprintf("the header is here twice, first in line %d", line)
		}
		if problem != "" {
			e.badKey(problem)
			continue
		}
		values := []item{e.item}
		if several && e.isList() {
			values, _ = e.list("")
		}
		for _, v := range values {
			if value, ok := fieldValue(v); ok {
				fields = append(fields, messages.HeaderField{Name: e.name, Value: value})
			}
		}
	}
	return fields
}

func (v item) fieldNames() []string {
	items, ok := v.list("a list of header names")
	if !ok {
		return nil
	}
	var names []string
	for _, v := range items {
		s, ok := v.scalar("the name of a header")
		if !ok {
			continue
		}
		if problem := editableField(s.text); problem != "" {
			v.fault(problem)
			continue
		}
		names = append(names, s.text)
	}
	return names
}

// fieldValue returns what a header field may hold (RFC 9110, 5.5).
func fieldValue(v item) (string, bool) {
	value, ok := text(v)
	if ok && strings.Trim(value, " \t") != value {
		v.fault("the value begins or ends with a blank, which no header keeps")
		return "", false
	}
	return value, ok
}

// isFieldName tells whether text is a token, of which names of header fields,
// cookies and methods are made (RFC 9110, 5.6.2).
func isFieldName(text string) bool {
	return text != "" && strings.Trim(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// editableField says why routes cannot edit a field, or nothing.
func editableField(name string) string {
	switch {
	case !isFieldName(name):
		return quote(name) + " is not the name of a header"
	case isFraming(name):
		return name + " belongs to the connection and cannot be edited"
	case strings.EqualFold(name, "Host"):
		return "Host is set by host_header"
	}
	return ""
}

// checkField says why a check cannot send a field, or nothing.
func checkField(name string) string {
	switch {
	case !isFieldName(name):
		return quote(name) + " is not the name of a header"
	case isFraming(name), strings.EqualFold(name, "Expect"):
		return name + " belongs to the connection and cannot be set"
	case strings.EqualFold(name, "Host"):
		return "Host is set by host"
	}
	return ""
}

// isFraming tells whether a field speaks of the connection or of the framing
// (RFC 9110, 7.6.1), which weir does anew on each side.
func isFraming(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length",
		"http2-settings", "proxy-authenticate", "proxy-authorization", "proxy-authentication-info":
		return true
	}
	return false
}
