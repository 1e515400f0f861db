package nethttp

import "strings"

// splitTarget splits a request target (RFC 9112, 3.2) into path and query as
// they were sent. ok is false for a form that is not forwarded.
func splitTarget(method, target string) (path, query string, hasQuery, ok bool) {
	if !strings.HasPrefix(target, "/") && target != "*" {
		_, rest, absolute := strings.Cut(target, "://")
		if !absolute {
			return "", "", false, false
		}
		at := strings.IndexAny(rest, "/?")
		switch {
		case at < 0 && method == "OPTIONS":
			target = "*" // RFC 9112, 3.2.4
		case at < 0:
			target = "/"
		case rest[at] == '?':
			target = "/" + rest[at:]
		default:
			target = rest[at:]
		}
	}
	path, query, hasQuery = strings.Cut(target, "?")
	return path, query, hasQuery, path != "*" || method == "OPTIONS" && !hasQuery
}
