package proxy

import (
	"strings"

	"github.com/weirproxy/weir/messages"
)

// maxHost is the longest host that is looked at, in bytes. A DNS name has 253 at most.
const maxHost = 255

// readTarget reads what the request is for: it checks authority and path, and
// makes of them the host and the path that routes match on.
//
// A path with dot segments is resolved before anything looks at it, and the
// resolved one is what the peer gets: route and peer cannot disagree. See
// resolveDots for those that are refused.
func (s *exchangeState) readTarget(x *Exchange) messages.Code {
	r, t := &x.Request, &s.trip
	if r.Method == "" || r.Method == "CONNECT" {
		return messages.CodeBadRequest
	}
	host, _, ok := splitAuthority(r.Authority)
	if !ok || host == "" && r.Proto != "HTTP/1.0" || !queryIsClean(r.Query) {
		return messages.CodeBadRequest
	}
	t.host = s.lower(host)
	if r.Path == "*" && r.Method == "OPTIONS" {
		t.path = r.Path
		return fine
	}
	form, ok := examinePath(r.Path)
	if !ok {
		return messages.CodeBadRequest
	}
	if form.dots {
		if r.Path, ok = s.resolveDots(r.Path); !ok {
			return messages.CodeBadRequest
		}
	}
	t.path = r.Path
	if form.dots || form.doubled || form.recode {
		t.path = s.canonicalPath(r.Path)
	}
	return fine
}

// lower returns host in lower case; mostly it is already.
func (s *exchangeState) lower(host string) string {
	for i := range len(host) {
		if 'A' <= host[i] && host[i] <= 'Z' {
			mark := s.mark()
			for j := range len(host) {
				c := host[j]
				if 'A' <= c && c <= 'Z' {
					c |= 0x20
				}
				s.scratch = append(s.scratch, c)
			}
			return s.cut(mark)
		}
	}
	return host
}

// splitAuthority splits "host:port" (RFC 3986, 3.2). The host comes without
// brackets and without the dot at its end. An empty authority is ok and has an
// empty host; user information, spaces, control bytes, bytes beyond ASCII and a
// port that is no number are not.
func splitAuthority(authority string) (host, port string, ok bool) {
	if authority == "" {
		return "", "", true
	}
	if authority[0] == '[' {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return "", "", false
		}
		host, port = authority[1:end], authority[end+1:]
		if !every(host, isAddressByte) || strings.IndexByte(host, ':') < 0 {
			return "", "", false
		}
	} else {
		host = authority
		if colon := strings.IndexByte(authority, ':'); colon >= 0 {
			host, port = authority[:colon], authority[colon:]
		}
		host = strings.TrimSuffix(host, ".")
		if !every(host, isNameByte) {
			return "", "", false
		}
	}
	if host == "" || len(host) > maxHost {
		return "", "", false
	}
	if port == "" {
		return host, "", true
	}
	if port[0] != ':' || !isPort(port[1:]) {
		return "", "", false
	}
	return host, port[1:], true
}

// isPort accepts 0 to 65535, and none at all ("host:" is allowed).
func isPort(text string) bool {
	if len(text) > 5 || !every(text, isDigit) {
		return false
	}
	n := 0
	for i := range len(text) {
		n = n*10 + int(text[i]-'0')
	}
	return n <= 65535
}

func every(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isAddressByte accepts what an IPv6 literal is made of, with its zone.
func isAddressByte(c byte) bool {
	return isDigit(c) || isLetter(c) || c == ':' || c == '.' || c == '%' || c == '-' || c == '_'
}

// isNameByte accepts what a reg-name is made of (RFC 3986, 3.2.2).
func isNameByte(c byte) bool {
	return isUnreserved(c) || strings.IndexByte("%!$&'()*+,;=", c) >= 0
}

// isUnreserved accepts the bytes that need no escape anywhere (RFC 3986, 2.3).
func isUnreserved(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// queryIsClean refuses what would end the request line or the query.
func queryIsClean(query string) bool {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}
