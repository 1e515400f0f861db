package main

import (
	"regexp"
	"strings"
)

// outcome is how a test or a package ended.
type outcome int

const (
	running outcome = iota
	passed
	failed
	skipped
)

// outcomeOf returns the outcome that an action tells.
func outcomeOf(action string) outcome {
	switch action {
	case "pass", "bench":
		return passed
	case "fail":
		return failed
	case "skip":
		return skipped
	}
	return running
}

// pkg is a package under test.
type pkg struct {
	name string
	// tests by name, and their names in the order they began.
	tests map[string]*test
	order []string
	// output is what belongs to no test. closing is the line in which go test
	// itself sums the package up.
	output  strings.Builder
	closing string
}

// test is a test, a subtest, an example or a benchmark.
type test struct {
	name    string
	outcome outcome
	output  strings.Builder
	// children: it has subtests.
	children bool
}

// test returns the test called name; it begins if it is not known.
func (p *pkg) test(name string) *test {
	t := p.tests[name]
	if t == nil {
		t = &test{name: name}
		p.tests[name] = t
		p.order = append(p.order, name)
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			p.test(name[:i]).children = true
		}
	}
	return t
}

// note keeps a line of output, but for those that only say what runs.
func (p *pkg) note(name, line string) {
	switch {
	case name != "" && strings.HasPrefix(line, "=== "):
		p.test(name)
	case name != "":
		p.test(name).output.WriteString(line)
	case strings.HasPrefix(line, "ok  \t"), strings.HasPrefix(line, "FAIL\t"), strings.HasPrefix(line, "?   \t"):
		p.closing = line
	case line == "PASS\n", line == "FAIL\n":
	default:
		p.output.WriteString(line)
	}
}

// failedBeneath tells whether a subtest of the test called name failed.
func (p *pkg) failedBeneath(name string) bool {
	for other, t := range p.tests {
		if t.outcome == failed && strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

// reason returns why a test was skipped: what it said last, without the place.
func (t *test) reason() string {
	place := regexp.MustCompile(`^\s+[^\s:]+\.go:\d+: `)
	var said string
	for line := range strings.Lines(t.output.String()) {
		if loc := place.FindStringIndex(line); loc != nil {
			said = strings.TrimSpace(line[loc[1]:])
		}
	}
	if said == "" {
		return "no reason given"
	}
	return said
}
