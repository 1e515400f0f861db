package proxy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// level is the index of all routes of one priority: most specific host first.
// A host whose routes do not match the path falls through to the next less
// specific one.
type level struct {
	by       *editor
	priority int
	exact    index[*paths] // "api.example.com"
	suffix   index[*paths] // "example.com" for "*.example.com"
	any      *paths
}

// match returns the route of this level for host and path, or nil.
func (l *level) match(h hasher, host, path string) *route {
	if l.exact.size > 0 {
		if p := l.exact.find(h.of(host), host); p != nil {
			if r := (*p).match(h, path); r != nil {
				return r
			}
		}
	}
	if l.suffix.size > 0 {
		for rest := host; ; {
			dot := strings.IndexByte(rest, '.')
			if dot < 0 {
				break
			}
			rest = rest[dot+1:]
			if p := l.suffix.find(h.of(rest), rest); p != nil {
				if r := (*p).match(h, path); r != nil {
					return r
				}
			}
		}
	}
	if l.any != nil {
		return l.any.match(h, path)
	}
	return nil
}

// hostKind is a kind of rule for hosts.
type hostKind int

const (
	anyHost hostKind = iota
	exactHost
	suffixHost
)

// parseHostRule reads the rule of a route for hosts.
func parseHostRule(rule string) (kind hostKind, host string, err error) {
	if rule == "" {
		return anyHost, "", nil
	}
	kind, name := exactHost, rule
	if suffix, wild := strings.CutPrefix(rule, "*."); wild {
		kind, name = suffixHost, suffix
	}
	host, port, ok := splitAuthority(name)
	if !ok || host == "" || port != "" || strings.Contains(host, "*") {
		return 0, "", fmt.Errorf(`host %q: want a name ("api.example.com"), "*." and a name, or nothing`, rule)
	}
	return kind, strings.ToLower(host), nil
}

// mine returns l, or a copy of it that by may write to.
func (l *level) mine(by *editor) *level {
	if l.by == by {
		return l
	}
	own := *l
	own.by = by
	return &own
}

// paths returns the index of the paths of a host rule; nil = there is none.
func (l *level) paths(h hasher, at *place) *paths {
	var found **paths
	switch at.host {
	case anyHost:
		return l.any
	case exactHost:
		found = l.exact.find(h.of(at.name), at.name)
	case suffixHost:
		found = l.suffix.find(h.of(at.name), at.name)
	}
	if found == nil {
		return nil
	}
	return *found
}

// setPaths puts the index of the paths of a host rule; an empty one is removed.
func (l *level) setPaths(by *editor, h hasher, at *place, p *paths) {
	hosts := &l.exact
	switch at.host {
	case anyHost:
		if l.any = p; p.empty() {
			l.any = nil
		}
		return
	case suffixHost:
		hosts = &l.suffix
	case exactHost:
	}
	if p.empty() {
		hosts.del(by, h.of(at.name), at.name)
		return
	}
	if old := hosts.find(h.of(at.name), at.name); old == nil || *old != p {
		hosts.put(by, h.of(at.name), at.name, p)
	}
}

func (l *level) empty() bool { return l.exact.size == 0 && l.suffix.size == 0 && l.any == nil }

// levels are sorted by priority, higher first.
type levels []*level

func (ls levels) search(priority int) (at int, found bool) {
	return slices.BinarySearchFunc(ls, priority, func(l *level, p int) int { return cmp.Compare(p, l.priority) })
}
