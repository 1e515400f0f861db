package proxy

import (
	"fmt"

	"github.com/weirproxy/weir/messages"
)

// headerEdit is what a route does to a header: remove, set, add, in this order.
type headerEdit struct {
	remove   []string
	set, add []messages.HeaderField
}

// setHeaders reads the header edits of a route. Fields that frame a message
// belong to the codecs, Host to host_header.
func (r *route) setHeaders(spec *messages.RouteSpec) (err error) {
	if r.request, err = newHeaderEdit(spec.RequestHeaders); err != nil {
		return fmt.Errorf("request_headers: %w", err)
	}
	if r.response, err = newHeaderEdit(spec.ResponseHeaders); err != nil {
		return fmt.Errorf("response_headers: %w", err)
	}
	if h := r.host.name; h != "" {
		if host, _, ok := splitAuthority(h); !ok || host == "" {
			return fmt.Errorf("host_header: %q is neither keep, peer nor a host", h)
		}
	}
	return nil
}

func newHeaderEdit(ops messages.HeaderOps) (headerEdit, error) {
	e := headerEdit{remove: ops.Remove.Slice(), set: ops.Set.Slice(), add: ops.Add.Slice()}
	for _, name := range e.remove {
		if err := checkEditable(name); err != nil {
			return e, err
		}
	}
	for _, list := range [][]messages.HeaderField{e.set, e.add} {
		for _, f := range list {
			if err := checkEditable(f.Name); err != nil {
				return e, err
			}
			if !every(f.Value, isFieldByte) {
				return e, fmt.Errorf("%s: the value has a control byte", f.Name)
			}
		}
	}
	return e, nil
}

func checkEditable(name string) error {
	switch {
	case name == "" || !every(name, isTokenByte):
		return fmt.Errorf("%q is not the name of a header field", name)
	case isHopByHop(name), equalFold(name, "Content-Length"):
		return fmt.Errorf("%s belongs to the connection and cannot be edited", name)
	case equalFold(name, "Host"):
		return fmt.Errorf("%s is set by host_header", name)
	}
	return nil
}

// apply edits f. It does not allocate once f has grown.
func (e *headerEdit) apply(f *Fields) {
	for _, name := range e.remove {
		f.Del(name)
	}
	for _, s := range e.set {
		f.Set(s.Name, s.Value)
	}
	for _, a := range e.add {
		f.Add(a.Name, a.Value)
	}
}

// isFieldByte accepts what a field value is made of (RFC 9110, 5.5).
func isFieldByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// isTokenByte accepts what a field name is made of (RFC 9110, 5.6.2).
func isTokenByte(c byte) bool {
	if isLetter(c) || isDigit(c) {
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
