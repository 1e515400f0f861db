package nethttp

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// checkHTTP2 finds what net/http lets pass over HTTP/2 that is malformed there
// (RFC 9113, 8.1.1), or could be read in another way by the peer. Over HTTP/1.1 the
// inbound does it.
func checkHTTP2(r *http.Request, secure bool) *refusal {
	if !strings.HasPrefix(r.RequestURI, "/") && r.RequestURI != "*" {
		return &refusal{http.StatusBadRequest, "has a :path that does not begin with a slash"}
	}
	for _, host := range r.Header["Host"] {
		if len(r.Header["Host"]) > 1 || !sameAuthority(host, r.Host, secure) {
			return &refusal{http.StatusBadRequest, "names two hosts"}
		}
	}
	if lengths := r.Header["Content-Length"]; len(lengths) > 0 {
		if len(lengths) > 1 || lengths[0] == "" || strings.Trim(lengths[0], "0123456789") != "" {
			return &refusal{http.StatusBadRequest, "has a Content-Length that is not one number"}
		}
		if strings.Trim(lengths[0], "0") != "" && (r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody) {
			return &refusal{http.StatusBadRequest, "has another Content-Length than its body"} // or one beyond measure
		}
	}
	for _, expect := range r.Header["Expect"] {
		if !strings.EqualFold(expect, "100-continue") {
			return &refusal{http.StatusExpectationFailed, "expects what is not given here; 100-continue is"}
		}
	}
	return nil
}

// sameAuthority compares a Host with an :authority: case does not count, nor does the
// port that the scheme has anyway (RFC 9113, 8.3.1; RFC 3986, 6.2).
func sameAuthority(a, b string, secure bool) bool {
	port := ":80"
	if secure {
		port = ":443"
	}
	plain := func(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, port), ":") }
	return strings.EqualFold(a, b) || strings.EqualFold(plain(a), plain(b))
}

// awaitNothing waits for the end of a body that is said to be empty. The peer would
// have a whole request else, though more comes: see clientBody.seal.
func (s *stream) awaitNothing() *refusal {
	_, err := s.body.Read(s.body.over[:])
	var f *proxy.Failure
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &f) && f.Code == messages.CodeClientSlow:
		return &refusal{http.StatusRequestTimeout, "did not arrive in time"}
	}
	return &refusal{http.StatusBadRequest, "has another Content-Length than its body"}
}
