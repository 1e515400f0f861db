package proxy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// paths is the index of the path rules of one host: exact before regexp before
// the longest prefix. A rule without a path is the prefix "/".
type paths struct {
	by       *editor
	exact    index[claim]
	regexps  []pathRegexp // longer patterns first, then by name
	prefixes index[claim]
	// lengths are those of the prefixes, longest first: a lookup costs one
	// comparison for each, and a look into the index only where a segment ends
	// there, however many prefixes there are.
	lengths []prefixLength
}

// claim is who has a rule: of several routes the first by name.
type claim struct {
	route *route
	// losers are the others, by name; they never match while route is there.
	losers []*route
}

type pathRegexp struct {
	re *regexp.Regexp
	claim
}

// prefixLength is a length, and how many different prefixes have it.
type prefixLength struct{ length, count int }

// match returns the route of the most specific rule for path, or nil.
func (p *paths) match(h hasher, path string) *route {
	if p.exact.size > 0 {
		if c := p.exact.find(h.of(path), path); c != nil {
			return c.route
		}
	}
	for i := range p.regexps {
		if p.regexps[i].re.MatchString(path) {
			return p.regexps[i].route
		}
	}
	for i := range p.lengths {
		n := p.lengths[i].length
		if n > len(path) || n < len(path) && path[n] != '/' && n > 0 {
			continue
		}
		if c := p.prefixes.find(h.of(path[:n]), path[:n]); c != nil {
			return c.route
		}
	}
	return nil
}

func (p *paths) empty() bool {
	return p.exact.size == 0 && p.prefixes.size == 0 && len(p.regexps) == 0
}

// mine returns p, or a copy of it that by may write to; nil is empty.
func (p *paths) mine(by *editor) *paths {
	if p == nil {
		return &paths{by: by}
	}
	if p.by == by {
		return p
	}
	own := *p
	own.by = by
	own.regexps, own.lengths = slices.Clone(p.regexps), slices.Clone(p.lengths)
	return &own
}

// add puts r in. When another route has the same rule, the two are returned.
func (p *paths) add(by *editor, h hasher, r *route) (winner, loser *route) {
	at := &r.place
	if at.path == messages.PathRegexp {
		return p.addRegexp(r)
	}
	rules, hash := p.rules(at), h.of(at.key)
	c := rules.find(hash, at.key)
	if c == nil {
		rules.put(by, hash, at.key, claim{route: r})
		if at.path != messages.PathExact {
			p.countLength(len(at.key), 1)
		}
		return nil, nil
	}
	next, winner, loser := c.with(r)
	rules.put(by, hash, at.key, next)
	return winner, loser
}

// remove takes r out. It is in.
func (p *paths) remove(by *editor, h hasher, r *route) {
	at := &r.place
	if at.path == messages.PathRegexp {
		p.removeRegexp(r)
		return
	}
	rules, hash := p.rules(at), h.of(at.key)
	if next := rules.find(hash, at.key).without(r); next.route != nil {
		rules.put(by, hash, at.key, next)
		return
	}
	rules.del(by, hash, at.key)
	if at.path != messages.PathExact {
		p.countLength(len(at.key), -1)
	}
}

func (p *paths) rules(at *place) *index[claim] {
	if at.path == messages.PathExact {
		return &p.exact
	}
	return &p.prefixes
}

func (p *paths) countLength(n, by int) {
	at, found := slices.BinarySearchFunc(p.lengths, n, func(l prefixLength, n int) int { return cmp.Compare(n, l.length) })
	if !found {
		p.lengths = slices.Insert(p.lengths, at, prefixLength{length: n})
	}
	if p.lengths[at].count += by; p.lengths[at].count == 0 {
		p.lengths = slices.Delete(p.lengths, at, at+1)
	}
}

func (p *paths) addRegexp(r *route) (winner, loser *route) {
	c := claim{route: r}
	if at := p.regexpOf(r); at >= 0 {
		c, winner, loser = p.regexps[at].with(r)
		p.regexps = slices.Delete(p.regexps, at, at+1)
	}
	p.insertRegexp(c)
	return winner, loser
}

func (p *paths) removeRegexp(r *route) {
	at := p.regexpOf(r)
	c := p.regexps[at].without(r)
	p.regexps = slices.Delete(p.regexps, at, at+1)
	if c.route != nil {
		p.insertRegexp(c)
	}
}

// regexpOf returns where the rule of r is, or -1.
func (p *paths) regexpOf(r *route) int {
	return slices.IndexFunc(p.regexps, func(other pathRegexp) bool { return other.route.place.key == r.place.key })
}

func (p *paths) insertRegexp(c claim) {
	at, _ := slices.BinarySearchFunc(p.regexps, c.route, func(other pathRegexp, r *route) int {
		return cmp.Or(cmp.Compare(len(r.place.key), len(other.route.place.key)), strings.Compare(other.route.spec.Name, r.spec.Name))
	})
	p.regexps = slices.Insert(p.regexps, at, pathRegexp{re: c.route.place.re, claim: c})
}

// with returns c and r in it, and which of them has the rule now, which lost it.
func (c *claim) with(r *route) (next claim, winner, loser *route) {
	if r.spec.Name < c.route.spec.Name {
		return claim{route: r, losers: slices.Insert(slices.Clone(c.losers), 0, c.route)}, r, c.route
	}
	at, _ := slices.BinarySearchFunc(c.losers, r, func(a, b *route) int { return strings.Compare(a.spec.Name, b.spec.Name) })
	return claim{route: c.route, losers: slices.Insert(slices.Clone(c.losers), at, r)}, c.route, r
}

// without returns what is left of c without r; a claim of nobody when nothing is.
func (c *claim) without(r *route) claim {
	if c.route != r {
		return claim{route: c.route, losers: slices.DeleteFunc(slices.Clone(c.losers), func(l *route) bool { return l == r })}
	}
	if len(c.losers) == 0 {
		return claim{}
	}
	return claim{route: c.losers[0], losers: slices.Clone(c.losers[1:])}
}
