package admin

import (
	"net/http"
	"slices"
	"strconv"
)

// failure is the body of every answer that is an error.
type failure struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Faults  any    `json:"faults,omitempty"`
	} `json:"error"`
}

func replyError(w http.ResponseWriter, status int, code, message string) {
	replyFaults(w, status, code, message, nil)
}

func replyFaults(w http.ResponseWriter, status int, code, message string, faults any) {
	var f failure
	f.Error.Code, f.Error.Message, f.Error.Faults = code, message, faults
	reply(w, status, f)
}

// reply answers with v as JSON. v is one of our views, which always encode.
func reply(w http.ResponseWriter, status int, v any) {
	body := append(encode(v), '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}

func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	replyError(w, http.StatusNotFound, "not_found", "nothing is at "+quote(r.URL.Path)+
		"; there are /, /healthz, /readyz, /metrics, /api/v1/status, /api/v1/upstreams, /api/v1/upstreams/NAME, /api/v1/events, and for POST /api/v1/reload")
}

// withoutQuery refuses parameters, so that a misplaced one is not ignored.
func withoutQuery(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if refuseQuery(w, r) {
			return
		}
		next(w, r)
	}
}

// refuseQuery answers a request that has other parameters than known, and tells whether it had.
func refuseQuery(w http.ResponseWriter, r *http.Request, known ...string) bool {
	for name := range r.URL.Query() {
		if slices.Contains(known, name) {
			continue
		}
		replyError(w, http.StatusBadRequest, "bad_query", quote(name)+" is no parameter of "+r.URL.Path+knownText("; there are ", known))
		return true
	}
	return false
}

// quote prints text from outside, at most 100 characters of it.
func quote(text string) string {
	const most = 100
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strconv.QuoteToASCII(text)
}
