package proxy

import (
	"bytes"
	"fmt"
	"strings"
)

// pathForm is what is unusual about a path.
type pathForm struct {
	// dots: it has segments "." or "..", plain or escaped.
	dots bool
	// doubled: it has a "/" after another.
	doubled bool
	// recode: it has escapes that need not be, or in lower case.
	recode bool
}

// examinePath says what is unusual about a path as sent. ok is false for one
// that is not forwarded, because peers would read it in different ways:
//   - it does not begin with "/", or has a space, a control byte or a "#";
//   - it has a "%" that begins no escape, or an escaped NUL;
//   - it has a dot segment that ends at an escaped slash or a backslash
//     ("/a/..%2fb"), or that carries a parameter ("/a/..;x/b"): some servers
//     see a dot segment there, others a name.
func examinePath(path string) (form pathForm, ok bool) {
	if path == "" || path[0] != '/' {
		return form, false
	}
	var seg segment
	for i := 1; i < len(path); i++ {
		c, escaped := path[i], false
		switch {
		case c <= ' ' || c == 0x7f || c == '#':
			return form, false
		case c == '%':
			if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
				return form, false
			}
			form.recode = form.recode || isLowerHex(path[i+1]) || isLowerHex(path[i+2])
			c, escaped = unhex(path[i+1])<<4|unhex(path[i+2]), true
			form.recode = form.recode || isUnreserved(c)
			i += 2
			if c == 0 {
				return form, false
			}
		}
		if c != '/' && c != '\\' {
			seg.add(c)
			continue
		}
		plain := c == '/' && !escaped
		if seg.isDots() {
			if !plain || seg.odd {
				return form, false
			}
			form.dots = true
		}
		form.doubled = form.doubled || plain && seg.empty() && !seg.odd
		seg = segment{odd: !plain}
	}
	if seg.isDots() {
		if seg.odd {
			return form, false
		}
		form.dots = true
	}
	return form, true
}

// segment follows one segment of a path, its escapes undone.
type segment struct {
	dots int  // leading dots
	name bool // there is something else, too
	// odd: it began at something that only some take for a slash, or it has a parameter.
	odd   bool
	param bool
}

func (g *segment) add(c byte) {
	switch {
	case g.param:
	case c == ';' && g.dots > 0 && !g.name:
		g.param, g.odd = true, true
	case c == '.' && !g.name:
		g.dots++
	default:
		g.name = true
	}
}

func (g *segment) isDots() bool { return !g.name && (g.dots == 1 || g.dots == 2) }

func (g *segment) empty() bool { return !g.name && g.dots == 0 }

// resolveDots removes dot segments (RFC 3986, 5.2.4) from a path that
// examinePath found good. ok is false when ".." leads above the root (as nginx
// refuses it) or takes away an empty segment ("/a//../b" is "/a/b" to one
// server and "/b" to the next).
func (s *exchangeState) resolveDots(path string) (resolved string, ok bool) {
	mark := s.mark()
	for rest := path; rest != ""; {
		rest = rest[1:] // the slash
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		last := end == len(rest)
		switch name := rest[:end]; dotCount(name) {
		case 0:
			s.put("/", name)
		case 1:
			if last {
				s.put("/")
			}
		case 2:
			slash := bytes.LastIndexByte(s.scratch[mark:], '/')
			if slash < 0 || mark+slash == len(s.scratch)-1 {
				return "", false
			}
			s.scratch = s.scratch[:mark+slash]
			if last {
				s.put("/")
			}
		}
		rest = rest[end:]
	}
	if s.mark() == mark {
		s.put("/")
	}
	return s.cut(mark), true
}

// dotCount returns 1 or 2 for a dot segment, else 0.
func dotCount(name string) int {
	dots := 0
	for i := 0; i < len(name); dots++ {
		switch {
		case dots == 2:
			return 0
		case name[i] == '.':
			i++
		case len(name)-i >= 3 && name[i] == '%' && name[i+1] == '2' && name[i+2]|0x20 == 'e':
			i += 3
		default:
			return 0
		}
	}
	return dots
}

// canonicalPath returns the form of path that routes match on: escapes of
// unreserved bytes undone and the others in upper case (RFC 3986, 6.2.2), a run
// of slashes as one. What the peer gets keeps the form in which it came, unless
// the route edits the path.
func (s *exchangeState) canonicalPath(path string) string {
	mark := s.mark()
	s.scratch = appendCanonical(s.scratch, path)
	return s.cut(mark)
}

func appendCanonical(to []byte, path string) []byte {
	from := len(to)
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '%':
			if v := unhex(path[i+1])<<4 | unhex(path[i+2]); isUnreserved(v) {
				to = append(to, v)
			} else {
				to = append(to, '%', upperHex(path[i+1]), upperHex(path[i+2]))
			}
			i += 2
		case c == '/' && len(to) > from && to[len(to)-1] == '/':
		default:
			to = append(to, c)
		}
	}
	return to
}

// canonicalRule returns the path of a rule in the form that paths are matched in.
func canonicalRule(path string) (string, error) {
	form, ok := examinePath(path)
	if !ok || form.dots {
		return "", fmt.Errorf(`path %q: want a path that begins with "/", has no dot segments, no spaces and no "%%" but in escapes`, path)
	}
	return string(appendCanonical(nil, path)), nil
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isLowerHex(c byte) bool { return 'a' <= c && c <= 'f' }

func upperHex(c byte) byte {
	if isLowerHex(c) {
		return c &^ 0x20
	}
	return c
}

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
