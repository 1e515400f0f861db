package nethttp

import (
	"bytes"
	"math"
	"net/netip"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// headScanner reads the head of an HTTP/1 request line by line and refuses what
// RFC 9112 does not allow, or allows to be read in more than one way: who reads
// it after weir must not see another request. It knows what follows the head.
//
// The zero headScanner is at the start of a head. It keeps nothing of the lines.
type headScanner struct {
	maxFields int // besides Host; 0 = no limit

	begun                    bool // the request line came
	minor                    byte // of the version: '0' or '1'
	options                  bool
	fields                   int
	hosts, lengths, codings  int
	length                   int64
	chunked, upgrade, expect bool
}

// bodyKind says how the body of a request is framed.
type bodyKind int

const (
	noBody bodyKind = iota
	sizedBody
	chunkedBody
)

// refusal is a request that does not reach the core's routes, and why. The text
// ends a sentence that begins with "the request".
type refusal struct {
	status int
	text   string
}

// noHTTP2 tells who speaks HTTP/2 where that is not spoken.
const noHTTP2 = "is of HTTP/2, which this listener takes without TLS only by its key h2c, and over TLS when ALPN chose h2; use HTTP/1.1"

// answer says what the core is to answer.
func (r *refusal) answer() *proxy.Refusal {
	code := messages.CodeBadRequest
	if r.status == 408 {
		code = messages.CodeClientSlow
	}
	return &proxy.Refusal{Status: r.status, Code: code, Message: "the request " + r.text}
}

// next takes the next line, without the CRLF at its end. It returns true when it
// was the empty line at the head's end. Empty lines before the request line are
// none of the head (RFC 9112, 2.2); the caller drops them.
func (s *headScanner) next(line []byte) (end bool, no *refusal) {
	switch {
	case !s.begun:
		s.begun = true
		return false, s.requestLine(line)
	case len(line) == 0:
		return true, s.finish()
	}
	name, value, no := splitField(line)
	if no != nil {
		return false, no
	}
	if no := s.field(name, value); no != nil {
		return false, no
	}
	if s.fields++; s.maxFields > 0 && s.fields-s.hosts > s.maxFields {
		return false, &refusal{431, "has too many header fields"}
	}
	return false, nil
}

// body says what follows the head, and how long it is when it has a size.
func (s *headScanner) body() (bodyKind, int64) {
	switch {
	case s.chunked:
		return chunkedBody, 0
	case s.length > 0:
		return sizedBody, s.length
	}
	return noBody, 0
}

// requestLine reads method, target and version (RFC 9112, 3).
func (s *headScanner) requestLine(line []byte) *refusal {
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first <= 0 || first == last {
		return &refusal{400, "has no request line of method, target and version"}
	}
	method, target, version := line[:first], line[first+1:last], line[last+1:]
	if !all(method, isTokenByte) {
		return &refusal{400, "has a method that is none"}
	}
	if len(version) != 8 || string(version[:5]) != "HTTP/" || version[6] != '.' || !isDigit(version[5]) || !isDigit(version[7]) {
		return &refusal{400, "has a version that is none"}
	}
	if string(line) == prefaceLine {
		return &refusal{505, noHTTP2}
	}
	if version[5] != '1' || version[7] > '1' {
		return &refusal{505, "has a version that is not spoken here; use HTTP/1.1"}
	}
	s.minor = version[7]
	s.options = string(method) == "OPTIONS"
	if string(method) == "CONNECT" {
		return &refusal{400, "asks for a tunnel, which is not forwarded; send a path"}
	}
	return s.target(target)
}

// target reads the request target (RFC 9112, 3.2): a path, "*" for OPTIONS, or
// an absolute URI of http.
func (s *headScanner) target(target []byte) *refusal {
	if s.options && string(target) == "*" {
		return nil
	}
	path, ok := cutOrigin(target)
	if !ok || !all(target, isTargetByte) {
		return &refusal{400, "has a target that is neither a path nor a URI of http"}
	}
	if query := bytes.IndexByte(path, '?'); query >= 0 {
		path = path[:query]
	}
	if !escapesAreWhole(path) {
		return &refusal{400, "has a path with a percent sign that begins no escape"}
	}
	return nil
}

// cutOrigin cuts scheme and authority off a target that has them.
func cutOrigin(target []byte) (path []byte, ok bool) {
	if len(target) > 0 && target[0] == '/' {
		return target, true
	}
	rest, ok := cutScheme(target)
	if !ok {
		return nil, false
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	ok = end > 0 && bytes.IndexByte(rest[:end], '%') < 0 && isAuthority(rest[:end])
	return rest[end:], ok
}

// field notes a field that frames the message or must be there once.
func (s *headScanner) field(name, value []byte) *refusal {
	switch len(name) {
	case 4:
		if isName(name, "host") {
			if s.hosts++; s.hosts > 1 {
				return &refusal{400, "has two Host fields"}
			}
			if len(value) > 0 && !isAuthority(value) {
				return &refusal{400, "has a Host that is none"}
			}
		}
	case 6:
		if isName(name, "expect") {
			if s.expect || !isName(value, "100-continue") {
				return &refusal{417, "expects what is not given here; 100-continue is"}
			}
			s.expect = true
		}
	case 7:
		s.upgrade = s.upgrade || isName(name, "upgrade")
		if isName(name, "trailer") {
			return announced(value)
		}
	case 14:
		if isName(name, "content-length") {
			return s.contentLength(value)
		}
	case 17:
		if isName(name, "transfer-encoding") {
			return s.transferEncoding(value)
		}
	}
	return nil
}

func (s *headScanner) contentLength(value []byte) *refusal {
	if s.lengths++; s.lengths > 1 {
		return &refusal{400, "has two Content-Length fields"}
	}
	if len(value) == 0 || len(value) > 18 || !all(value, isDigit) {
		return &refusal{400, "has a Content-Length that is none"}
	}
	for _, c := range value {
		s.length = s.length*10 + int64(c-'0')
	}
	return nil
}

func (s *headScanner) transferEncoding(value []byte) *refusal {
	if s.codings++; s.codings > 1 {
		return &refusal{400, "has two Transfer-Encoding fields"}
	}
	if !isName(value, "chunked") {
		return &refusal{501, "has a transfer coding that is not known here; chunked is"}
	}
	s.chunked = true
	return nil
}

// announced refuses the announcement of a trailer that would frame the message.
func announced(value []byte) *refusal {
	for name := range bytes.SplitSeq(value, []byte{','}) {
		name = bytes.TrimSpace(name)
		if isName(name, "content-length") || isName(name, "transfer-encoding") || isName(name, "trailer") {
			return &refusal{400, "announces a trailer field that cannot be one"}
		}
	}
	return nil
}

// finish checks what only the whole head tells.
func (s *headScanner) finish() *refusal {
	switch {
	case s.chunked && s.lengths > 0:
		return &refusal{400, "has both Content-Length and Transfer-Encoding"}
	case s.chunked && s.minor == '0':
		return &refusal{400, "has a Transfer-Encoding, which HTTP/1.0 does not know"}
	case s.hosts == 0 && s.minor == '1':
		return &refusal{400, "has no Host"}
	}
	return nil
}

// splitField splits a field line (RFC 9112, 5). The value comes without the
// blanks around it.
func splitField(line []byte) (name, value []byte, no *refusal) {
	if line[0] == ' ' || line[0] == '\t' {
		return nil, nil, &refusal{400, "has a header field that is folded over lines"}
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !all(line[:colon], isTokenByte) {
		return nil, nil, &refusal{400, "has a header field whose name is none"}
	}
	value = bytes.Trim(line[colon+1:], " \t")
	if !all(value, isValueByte) {
		return nil, nil, &refusal{400, "has a header field with a control byte"}
	}
	return line[:colon], value, nil
}

// cutScheme cuts "http://" or "https://" off.
func cutScheme(uri []byte) (rest []byte, ok bool) {
	scheme, rest, ok := bytes.Cut(uri, []byte("://"))
	return rest, ok && (isName(scheme, "http") || isName(scheme, "https"))
}

// isAuthority accepts a host and perhaps a port (RFC 9110, 7.2), without user information.
func isAuthority(text []byte) bool {
	host, port := text, []byte(nil)
	if text[0] == '[' {
		end := bytes.IndexByte(text, ']')
		if end < 0 || end > math.MaxUint8 {
			return false
		}
		addr, err := netip.ParseAddr(string(text[1:end]))
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return false
		}
		host, port = nil, text[end+1:]
	} else if colon := bytes.IndexByte(text, ':'); colon >= 0 {
		host, port = text[:colon], text[colon:]
	}
	if len(port) > 0 && (port[0] != ':' || len(port) > 6 || !all(port[1:], isDigit)) {
		return false
	}
	return all(host, isHostByte)
}

// escapesAreWhole tells whether each "%" begins an escape (RFC 3986, 2.1).
func escapesAreWhole(path []byte) bool {
	for {
		at := bytes.IndexByte(path, '%')
		if at < 0 {
			return true
		}
		if at+2 >= len(path) || !isHex(path[at+1]) || !isHex(path[at+2]) {
			return false
		}
		path = path[at+3:]
	}
}
