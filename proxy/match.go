package proxy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// level is the index of all routes of one priority: most specific host first.
// A host whose routes do not match the path falls through to the next less
// specific one.
type level struct {
	priority int
	exact    map[string]*paths // "api.example.com"
	suffix   map[string]*paths // "example.com" for "*.example.com"
	any      *paths
}

func newLevel(priority int) *level {
	return &level{priority: priority, exact: map[string]*paths{}, suffix: map[string]*paths{}}
}

// match returns the route of this level for host and path, or nil.
func (l *level) match(host, path string) *route {
	if p := l.exact[host]; p != nil {
		if r := p.match(path); r != nil {
			return r
		}
	}
	if len(l.suffix) > 0 {
		for rest := host; ; {
			dot := strings.IndexByte(rest, '.')
			if dot < 0 {
				break
			}
			rest = rest[dot+1:]
			if p := l.suffix[rest]; p != nil {
				if r := p.match(path); r != nil {
					return r
				}
			}
		}
	}
	if l.any != nil {
		return l.any.match(path)
	}
	return nil
}

// paths returns the index of the paths of a host rule and makes it if need be.
func (l *level) paths(rule string) (*paths, error) {
	if rule == "" {
		if l.any == nil {
			l.any = newPaths()
		}
		return l.any, nil
	}
	index, name := l.exact, rule
	if suffix, wild := strings.CutPrefix(rule, "*."); wild {
		index, name = l.suffix, suffix
	}
	host, port, ok := splitAuthority(name)
	if !ok || host == "" || port != "" || strings.Contains(host, "*") {
		return nil, fmt.Errorf(`host %q: want a name ("api.example.com"), "*." and a name, or nothing`, rule)
	}
	host = strings.ToLower(host)
	if index[host] == nil {
		index[host] = newPaths()
	}
	return index[host], nil
}

func (l *level) finish() {
	for _, index := range []map[string]*paths{l.exact, l.suffix} {
		for _, p := range index {
			p.finish()
		}
	}
	if l.any != nil {
		l.any.finish()
	}
}

// paths is the index of the path rules of one host: exact before regexp before
// the longest prefix. A rule without a path is the prefix "/".
type paths struct {
	exact    map[string]*route
	regexps  []pathRegexp // longer patterns first, then by name
	prefixes map[string]*route
	// lengths are those of the prefixes, longest first: a lookup costs one
	// comparison for each, and a map access only where a segment ends there, however
	// many prefixes there are.
	lengths []int
}

type pathRegexp struct {
	re    *regexp.Regexp
	route *route
}

func newPaths() *paths {
	return &paths{exact: map[string]*route{}, prefixes: map[string]*route{}}
}

// match returns the route of the most specific rule for path, or nil.
func (p *paths) match(path string) *route {
	if r := p.exact[path]; r != nil {
		return r
	}
	for i := range p.regexps {
		if p.regexps[i].re.MatchString(path) {
			return p.regexps[i].route
		}
	}
	for _, n := range p.lengths {
		if n > len(path) || n < len(path) && path[n] != '/' && n > 0 {
			continue
		}
		if r := p.prefixes[path[:n]]; r != nil {
			return r
		}
	}
	return nil
}

// add puts r in. When another route has the same rule already, it stays and is returned.
func (p *paths) add(r *route) (winner *route, err error) {
	index, key := p.prefixes, ""
	switch rule := r.spec.Path; rule.Kind {
	case messages.PathAny:
	case messages.PathPrefix:
		key, err = canonicalRule(rule.Value)
		key = strings.TrimRight(key, "/")
	case messages.PathExact:
		index = p.exact
		key, err = canonicalRule(rule.Value)
	case messages.PathRegexp:
		return p.addRegexp(r)
	default:
		err = fmt.Errorf("path: there is no kind %d", rule.Kind)
	}
	if err != nil {
		return nil, err
	}
	if winner = index[key]; winner == nil {
		index[key] = r
	}
	return winner, nil
}

func (p *paths) addRegexp(r *route) (winner *route, err error) {
	for _, other := range p.regexps {
		if other.route.spec.Path == r.spec.Path {
			return other.route, nil
		}
	}
	re, err := compile("path", r.spec.Path.Value)
	if err != nil {
		return nil, err
	}
	p.regexps = append(p.regexps, pathRegexp{re: re, route: r})
	return nil, nil
}

func (p *paths) finish() {
	slices.SortStableFunc(p.regexps, func(a, b pathRegexp) int {
		return cmp.Or(cmp.Compare(len(b.route.spec.Path.Value), len(a.route.spec.Path.Value)),
			strings.Compare(a.route.spec.Name, b.route.spec.Name))
	})
	for prefix := range p.prefixes {
		p.lengths = append(p.lengths, len(prefix))
	}
	slices.SortFunc(p.lengths, func(a, b int) int { return cmp.Compare(b, a) })
	p.lengths = slices.Compact(p.lengths)
}
