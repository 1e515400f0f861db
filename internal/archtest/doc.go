// Package archtest holds the architecture: its tests fail when an arrow between
// packages turns back, a library leaves its home, or a file grows out of hand,
// and they print why that rule is there. Change a rule in rules.go, with its reason.
//
// Owns: the rules (rules.go), the engine that checks them.
// In: the source tree, `go list` for what lies behind third-party imports.
// Out: faults, each with a place, what is wrong, and the reason of the rule.
// Order: faults are sorted. Nothing is kept.
// Failure: a tree that cannot be read fails the test. A rule that names a
// package which does not exist is a fault too, unless the package is planned.
package archtest
