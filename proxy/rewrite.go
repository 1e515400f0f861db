package proxy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// pathEdit is strip_prefix and rewrite, in this order. Both work on the path
// as routes match it (see canonicalPath), and what they leave is sent; the
// query stays as it is.
type pathEdit struct {
	strip   string // without "/" at its end; empty = off
	pattern *regexp.Regexp
	to      string
}

func (r *route) setPath(spec *messages.RouteSpec) error {
	if spec.StripPrefix != "" {
		prefix, err := canonicalRule(spec.StripPrefix)
		if err != nil {
			return fmt.Errorf("strip_prefix: %w", err)
		}
		r.path.strip = strings.TrimRight(prefix, "/")
	}
	if spec.Rewrite.Pattern == "" {
		return nil
	}
	if strings.ContainsAny(spec.Rewrite.To, "?# \t\r\n") {
		return errors.New("rewrite: the replacement is a path, it has no query, fragment or space")
	}
	var err error
	r.path.pattern, err = compile("rewrite", spec.Rewrite.Pattern)
	r.path.to = spec.Rewrite.To
	return err
}

// apply edits the path. What comes out is examined like what came in: a
// replacement must not build a dot segment.
func (e *pathEdit) apply(x *Exchange) messages.Code {
	s := &x.core
	if e.strip == "" && e.pattern == nil || s.trip.path == "*" {
		return fine
	}
	path := stripPrefix(s.trip.path, e.strip)
	if e.pattern == nil {
		x.Request.Path = path
		return fine
	}
	path = e.pattern.ReplaceAllString(path, e.to)
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	form, ok := examinePath(path)
	if !ok || form.dots {
		return messages.CodeBadRequest
	}
	x.Request.Path = path
	return fine
}

// stripPrefix removes prefix from the front of path, on a segment border.
func stripPrefix(path, prefix string) string {
	rest, ok := strings.CutPrefix(path, prefix)
	switch {
	case !ok:
		return path
	case rest == "":
		return "/"
	case rest[0] == '/':
		return rest
	}
	return path
}
