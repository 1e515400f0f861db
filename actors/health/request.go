package health

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// request is the head of the request of a probe, made once. Probes have no body.
type request struct {
	method string
	// before and after are what surrounds the Host value.
	before, after string
	// host is the Host value; empty = the peer's address.
	host string
}

// newRequest builds the request. Fields of the check replace the ones that a
// probe sends by itself (Host, User-Agent, Accept).
func newRequest(h messages.HTTPCheck) (request, error) {
	r := request{method: h.Method, host: h.Host}
	if r.method == "" {
		r.method = "GET"
	}
	path := h.Path
	if path == "" || path[0] == '?' {
		path = "/" + path
	}
	switch {
	case !isToken(r.method):
		return request{}, fmt.Errorf("%w: method %q is not a token", ErrBadCheck, r.method)
	case path[0] != '/' || !isVisible(path):
		return request{}, fmt.Errorf("%w: path %q must begin with / and have no spaces or control characters", ErrBadCheck, path)
	case !isVisible(r.host):
		return request{}, fmt.Errorf("%w: host %q has spaces or control characters", ErrBadCheck, r.host)
	}
	own := map[string]string{"user-agent": "User-Agent: weir\r\n", "accept": "Accept: */*\r\n"}
	var fields strings.Builder
	for _, f := range h.Headers.All() {
		if err := checkField(f); err != nil {
			return request{}, err
		}
		name := strings.ToLower(f.Name)
		if name == "host" {
			r.host = f.Value
			continue
		}
		delete(own, name)
		fields.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	r.before = r.method + " " + path + " HTTP/1.1\r\nHost: "
	r.after = "\r\n" + own["user-agent"] + own["accept"] + fields.String() + emptyBody(r.method) + "Connection: close\r\n\r\n"
	return r, nil
}

// bytes returns the request to the peer at addr.
func (r request) bytes(addr string) []byte {
	host := r.host
	if host == "" {
		host = addr
	}
	if strings.HasPrefix(host, unixPrefix) {
		host = "localhost"
	}
	return []byte(r.before + host + r.after)
}

// emptyBody announces that there is no body where a method would let expect one.
func emptyBody(method string) string {
	switch method {
	case "POST", "PUT", "PATCH":
		return "Content-Length: 0\r\n"
	}
	return ""
}

// checkField refuses what cannot be sent, and what would frame a body or keep
// the connection.
func checkField(f messages.HeaderField) error {
	if !isToken(f.Name) {
		return fmt.Errorf("%w: header name %q is not a token", ErrBadCheck, f.Name)
	}
	if strings.ContainsFunc(f.Value, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) {
		return fmt.Errorf("%w: header %s has control characters in its value", ErrBadCheck, f.Name)
	}
	switch strings.ToLower(f.Name) {
	case "connection", "content-length", "transfer-encoding", "upgrade", "expect":
		return fmt.Errorf("%w: header %s cannot be set, a probe has no body and a connection of its own", ErrBadCheck, f.Name)
	case "host":
		if f.Value == "" || !isVisible(f.Value) {
			return fmt.Errorf("%w: host %q is empty or has spaces or control characters", ErrBadCheck, f.Value)
		}
	}
	return nil
}

// isToken tells whether s is a token (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// isVisible tells whether s has neither spaces nor control characters.
func isVisible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
