package archtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fault is one thing that breaks a rule.
type fault struct{ where, what, why string }

func (f fault) String() string { return f.where + ": " + f.what + "\n\twhy: " + f.why }

// check returns all faults of a tree, sorted, each once.
func (r rules) check(t *tree) []fault {
	found := map[fault]struct{}{}
	for _, one := range []func(*tree, func(fault)){
		r.checkNames, r.checkArrows, r.checkBans, r.checkOnly, r.checkHomes, checkActors, r.checkComments, r.checkFiles,
	} {
		one(t, func(f fault) { found[f] = struct{}{} })
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.where, b.where), cmp.Compare(a.what, b.what), cmp.Compare(a.why, b.why))
	})
}

// checkNames finds rules about packages and libraries that do not exist, and
// plans that have come true.
func (r rules) checkNames(t *tree, emit func(fault)) {
	const where = "rules.go"
	for _, p := range slices.Sorted(maps.Keys(r.named())) {
		exists, planned := t.pkgs[p] != nil, slices.Contains(r.planned, p)
		for _, other := range t.ours() {
			exists = exists || p == "." || strings.HasPrefix(other, p+"/")
		}
		if !exists && !planned {
			emit(fault{where, "names " + p + ", which does not exist", "a misspelt rule holds nothing; put packages that are to come on the list of planned ones"})
		}
		if exists && planned {
			emit(fault{where, p + " exists: take it off the list of planned packages", "the list is for what is to come"})
		}
	}
	for _, h := range r.homes {
		if _, exists := t.libs[h.lib]; exists == h.planned {
			emit(fault{where, fmt.Sprintf("home of %s: planned is %t", h.lib, h.planned),
				"a home is planned while, and only while, go.mod does not require the library"})
		}
	}
}

// named returns the packages of ours that the rules name, without "/...".
func (r rules) named() map[string]struct{} {
	names := map[string]struct{}{}
	add := func(lists ...[]string) {
		for _, pattern := range slices.Concat(lists...) {
			if name := strings.TrimSuffix(pattern, "/..."); own(name) {
				names[name] = struct{}{}
			}
		}
	}
	add(r.planned, r.brief)
	for _, g := range r.groups {
		add(g.packages)
	}
	for _, b := range r.bans {
		add(b.from, b.to)
	}
	for _, o := range r.only {
		add(o.from, o.allow)
	}
	for _, h := range r.homes {
		add(h.product, h.tests)
	}
	return names
}

// groupOf returns the group of a package of ours, or nil.
func (r rules) groupOf(path string) *group {
	for i := range r.groups {
		if matchesAny(r.groups[i].packages, path) {
			return &r.groups[i]
		}
	}
	return nil
}

// checkArrows finds imports among our packages that no arrow allows.
func (r rules) checkArrows(t *tree, emit func(fault)) {
	for _, at := range t.ours() {
		g := r.groupOf(at)
		if g == nil {
			emit(fault{at, "belongs to no group in rules.go", "where a package stands is decided when it is made"})
			continue
		}
		for _, f := range t.pkgs[at].files {
			for _, to := range f.imports {
				target := r.groupOf(to)
				if !own(to) || target == nil || g.allows(at, to, target, f.test()) {
					continue
				}
				emit(fault{at + "/" + f.name, "imports " + to, g.reason})
			}
		}
	}
}

// allows tells whether a package of g may import one of target.
func (g *group) allows(from, to string, target *group, test bool) bool {
	switch {
	case test && (from == to || target.kit):
		return true // a test of a package from outside; a kit
	case target != g:
		return slices.Contains(g.may, target.name) || (test && slices.Contains(g.tests, target.name))
	case g.within == down:
		return strings.HasPrefix(to, from+"/")
	case g.within == up:
		return strings.HasPrefix(from, to+"/")
	}
	return false
}

// checkBans finds ways of imports that lead to what is banned.
func (r rules) checkBans(t *tree, emit func(fault)) {
	for _, b := range r.bans {
		for _, at := range t.ours() {
			if !matchesAny(b.from, at) {
				continue
			}
			if way := t.chain(at, func(p string) bool { return matchesAny(b.to, p) }); way != nil {
				emit(fault{at, "reaches " + way[len(way)-1] + ": " + strings.Join(way, " -> "), b.reason})
			}
		}
	}
}

// checkOnly finds imports that are not on a package's list.
func (r rules) checkOnly(t *tree, emit func(fault)) {
	for _, o := range r.only {
		for _, at := range t.ours() {
			if !matchesAny(o.from, at) {
				continue
			}
			for _, to := range t.pkgs[at].imports {
				if !matchesAny(o.allow, to) && (!standard(to) || !slices.Contains(o.allow, "std")) {
					emit(fault{at, "imports " + to, o.reason})
				}
			}
		}
	}
}

// checkHomes finds libraries outside their homes, and those that have none.
func (r rules) checkHomes(t *tree, emit func(fault)) {
	const homeless = "a new library is a decision: give it a home and a reason in rules.go"
	for lib, direct := range t.libs {
		if direct && !slices.ContainsFunc(r.homes, func(h home) bool { return h.lib == lib }) {
			emit(fault{"go.mod", "requires " + lib + ", which has no home", homeless})
		}
	}
	for _, at := range t.ours() {
		for _, f := range t.pkgs[at].files {
			for _, to := range f.imports {
				if own(to) || standard(to) {
					continue
				}
				i := slices.IndexFunc(r.homes, func(h home) bool { return matches(h.lib+"/...", to) })
				switch {
				case i < 0:
					emit(fault{at + "/" + f.name, "imports " + to + ", which has no home", homeless})
				case matchesAny(r.homes[i].product, at), f.test() && matchesAny(r.homes[i].tests, at):
				default:
					emit(fault{at + "/" + f.name, "imports " + to + ", whose home is elsewhere", r.homes[i].reason})
				}
			}
		}
	}
}
