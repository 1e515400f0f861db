package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report is what is known of a run so far.
type report struct {
	out io.Writer
	// packages are those that have begun and not ended.
	packages map[string]*pkg
	// builds is the output of builds, by import path, until it was printed.
	builds map[string]string

	any                     bool // a package ended
	passed, failed, skipped int
	failures                []string            // "package Test"
	skips                   map[string][]string // by reason, "package Test"
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*pkg{}, builds: map[string]string{}, skips: map[string][]string{}}
}

// take takes in one event.
func (r *report) take(e event) {
	switch e.Action {
	case "build-output":
		r.builds[e.ImportPath] += e.Output
		return
	case "build-fail":
		return // its package fails too, and names it
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &pkg{name: e.Package, tests: map[string]*test{}}
		r.packages[e.Package] = p
	}
	if e.Action == "output" {
		p.note(e.Test, e.Output)
		return
	}
	outcome := outcomeOf(e.Action)
	switch {
	case outcome == running:
	case e.Test != "":
		p.test(e.Test).outcome = outcome
	default:
		delete(r.packages, e.Package)
		r.end(p, outcome, r.builds[e.FailedBuild])
		delete(r.builds, e.FailedBuild) // said once, also if it fails other packages
	}
}

// end counts and prints a package that ended.
func (r *report) end(p *pkg, outcome outcome, build string) {
	r.any = true
	failures := len(r.failures)
	for _, name := range p.order {
		t := p.tests[name]
		switch {
		case outcome == failed && t.outcome == running:
			t.outcome = failed // the process ended before the test did
		case t.outcome == running && t.children:
			continue // a benchmark that only groups others never ends
		}
		r.count(p, t)
	}
	if outcome != failed {
		r.print(p.closing)
		return
	}
	if build != "" {
		r.print(build)
	}
	itself := len(r.failures) == failures
	if itself { // no test is to blame: then any of them may tell
		r.failed++
		r.failures = append(r.failures, p.name)
	}
	for _, name := range p.order {
		if t := p.tests[name]; t.outcome == failed || itself {
			r.print(t.output.String())
		}
	}
	r.print(p.output.String())
	if p.closing == "" {
		p.closing = "FAIL\t" + p.name + "\n"
	}
	r.print(p.closing)
}

// count counts a test. One that has subtests counts only if it failed and none of them did.
func (r *report) count(p *pkg, t *test) {
	name := p.name + " " + t.name
	switch {
	case t.children && (t.outcome != failed || p.failedBeneath(t.name)):
	case t.outcome == passed:
		r.passed++
	case t.outcome == failed:
		r.failed++
		r.failures = append(r.failures, name)
	case t.outcome == skipped:
		r.skipped++
		r.skips[t.reason()] = append(r.skips[t.reason()], name)
	}
}

// close prints what the whole run comes to. Packages that never ended have failed.
func (r *report) close() {
	for _, name := range slices.Sorted(maps.Keys(r.packages)) {
		p := r.packages[name]
		p.closing = "FAIL\t" + name + "\t[the events ended before it did]\n"
		r.end(p, failed, "")
	}
	for _, path := range slices.Sorted(maps.Keys(r.builds)) {
		r.print(r.builds[path])
	}
	if !r.any {
		r.print("nothing was tested\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		r.list("skipped: "+reason, r.skips[reason])
	}
	if len(r.failures) > 0 {
		r.list("failed:", r.failures)
	}
	r.print(fmt.Sprintf("\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped))
}

func (r *report) list(heading string, names []string) {
	slices.Sort(names) // packages end in any order
	r.print("\n" + heading + "\n\t" + strings.Join(names, "\n\t") + "\n")
}

func (r *report) print(text string) { fmt.Fprint(r.out, text) }
