package archtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// checkActors finds files beneath actors/ that know protoactor and should not.
// The folder itself is exempt: it builds the tree.
func checkActors(t *tree, emit func(fault)) {
	for _, at := range t.ours() {
		if !strings.HasPrefix(at, "./actors/") {
			continue
		}
		for _, f := range t.pkgs[at].files {
			if f.test() || f.name == "actor.go" {
				continue
			}
			for _, to := range f.imports {
				if matches(protoactor+"/...", to) {
					emit(fault{at + "/" + f.name, "imports " + to,
						"beneath actors/ only actor.go knows protoactor: the rest is plain Go, tested without an actor"})
				}
			}
		}
	}
}

// checkComments finds packages whose comment is missing, double, in the wrong
// file or silent about one of the chapters.
func (r rules) checkComments(t *tree, emit func(fault)) {
	const why = "a package is learnt from its doc.go: owns, in, out, order, failure"
	for _, at := range t.ours() {
		var with []string
		text, command, product := "", false, false
		for _, f := range t.pkgs[at].files {
			command = command || f.pkgName == "main"
			product = product || !f.test()
			if f.doc != "" {
				with = append(with, f.name)
				text = f.doc
			}
		}
		brief := matchesAny(r.brief, at)
		slices.Sort(with)
		switch {
		case len(with) == 0:
			emit(fault{at, "has no package comment", why})
			continue
		case len(with) > 1:
			emit(fault{at, "has more than one package comment: " + strings.Join(with, ", "), why})
			continue
		case with[0] != "doc.go" && product && !command:
			emit(fault{at, "has its package comment in " + with[0] + ", not in doc.go", why})
		}
		if brief {
			continue
		}
		for _, word := range []string{"owns", "in", "out", "order", "failure"} {
			if !speaksOf(text, word) {
				emit(fault{at, fmt.Sprintf("its package comment does not say %q", word), why})
			}
		}
	}
}

// speaksOf tells whether a comment has a chapter: the word and, in the same
// sentence, a colon ("Owns: ...", "In, a prober: ...", "In and out: nothing").
func speaksOf(comment, word string) bool {
	return regexp.MustCompile(`(?i)\b` + word + `\b[^:.]{0,40}:`).MatchString(comment)
}

// checkFiles finds files that are too long, functions called init, and sleep.
func (r rules) checkFiles(t *tree, emit func(fault)) {
	for _, at := range t.ours() {
		for _, f := range t.pkgs[at].files {
			where := at + "/" + f.name
			if f.lines > r.maxLines && !f.generated {
				emit(fault{where, fmt.Sprintf("has %d lines, more than %d", f.lines, r.maxLines), "one concept per file, readable in one go: split it by noun"})
			}
			if f.inits > 0 {
				emit(fault{where, "has a function init", "what happens at start-up is written in cmd/server, in order"})
			}
			if f.sleeps > 0 {
				emit(fault{where, "calls time.Sleep outside of a synctest bubble",
					"a test waits for what it waits for: a channel, a fake clock, polling with a deadline; the product has timers with a cancel"})
			}
		}
	}
}
