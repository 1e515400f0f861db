package nethttp

import (
	"net/http"
	"slices"
	"strings"

	"github.com/weirproxy/weir/proxy"
)

// The fields that say how a message is framed and what becomes of the
// connection. The codecs write them from what the neutral types say.

func ownedByResponse(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Trailer", "Transfer-Encoding":
		return true
	}
	return false
}

func ownedByRequest(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Expect", "Host", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// framing tells which fields of a parsed message say no more than the neutral
// types say elsewhere.
func framing(name string) bool { return name == "Content-Length" }

// copyFields puts the fields of f into h, but for those that skip names.
func copyFields(h http.Header, f *proxy.Fields, skip func(canonical string) bool) {
	values := make([]string, 0, f.Len()) // one allocation for all
	for i := range f.Len() {
		field := f.At(i)
		name := http.CanonicalHeaderKey(field.Name)
		if skip(name) {
			continue
		}
		if had := h[name]; len(had) > 0 {
			h[name] = append(had, field.Value)
			continue
		}
		values = append(values, field.Value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
}

// appendFields appends h to f, sorted by name, but for those that skip names.
// names is scratch, and is returned for the next time.
func appendFields(f *proxy.Fields, h http.Header, names []string, skip func(canonical string) bool) []string {
	names = names[:0]
	for name := range h {
		if skip == nil || !skip(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			f.Add(name, value)
		}
	}
	return names
}

// announcedNames returns the names of trailers, sorted; nil when there are none.
func announcedNames(trailer http.Header) []string {
	if len(trailer) == 0 {
		return nil
	}
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// contains tells whether name is in names, without regard to case.
func contains(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// hasToken tells whether one of values, each a comma list, has token, without
// regard to case.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
