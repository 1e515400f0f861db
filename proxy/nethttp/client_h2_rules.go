package nethttp

import (
	"net/http"
	"strings"
)

// checkHTTP2 finds what net/http lets pass over HTTP/2 that is malformed there
// (RFC 9113, 8.1.1), or could be read in another way by the peer. Over HTTP/1.1 the
// inbound does it.
func checkHTTP2(r *http.Request) *refusal {
	if !strings.HasPrefix(r.RequestURI, "/") && r.RequestURI != "*" {
		return &refusal{http.StatusBadRequest, "has a :path that does not begin with a slash"}
	}
	for _, host := range r.Header["Host"] {
		if len(r.Header["Host"]) > 1 || !strings.EqualFold(host, r.Host) {
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
