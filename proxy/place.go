package proxy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// place is where a route stands in the table: what its rules for host and path
// come to. Two routes in one place have the same rule.
type place struct {
	priority int
	host     hostKind
	name     string // of the host
	path     messages.PathKind
	key      string         // the path in canonical form, or the pattern
	re       *regexp.Regexp // of PathRegexp
}

// newPlace reads the rules of a route.
func newPlace(spec *messages.RouteSpec) (at place, err error) {
	at.priority, at.path = spec.Priority, spec.Path.Kind
	if at.host, at.name, err = parseHostRule(spec.Host); err != nil {
		return at, err
	}
	switch rule := spec.Path; rule.Kind {
	case messages.PathAny:
	case messages.PathPrefix:
		at.key, err = canonicalRule(rule.Value)
		at.key = strings.TrimRight(at.key, "/")
	case messages.PathExact:
		at.key, err = canonicalRule(rule.Value)
	case messages.PathRegexp:
		at.key = rule.Value
		at.re, err = compile("path", rule.Value)
	default:
		err = fmt.Errorf("path: there is no kind %d", rule.Kind)
	}
	return at, err
}

func compile(what, pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", what, pattern, err)
	}
	return re, nil
}
