// Package config reads the configuration file and what it includes: what keys
// there are, what they may hold, what they default to, when the files change,
// and what differs between two versions.
//
// Owns: the keys (each is known by being read, see object), the defaults
// (defaults.go), the rules for values, the text of faults.
// In: YAML text (JSON is YAML) and the environment variables that it names.
// Files are read in one place (sources.go), all at once, and what was read is
// what is parsed.
// Out: a Config with messages.Desired in it; or *Faults, which hold every
// fault of all texts at once, each with file, line, column and the line itself;
// or, from Config.Effective, text that says where every value comes from. Diff
// compares two desired states, Compare two configurations for people and for a
// reload. A Watcher gives Sources that changed; it is the one thing here that
// runs, in the goroutine of its caller.
// Order: text is checked in steps: bytes, then YAML syntax, then keys and
// values. Faults of one step are reported together; the next step is taken
// when there are none. Environment variables are put into single values after
// the syntax was read, so what they hold is never taken for syntax. Nothing
// but a Watcher keeps state.
// Failure: bad input is never more than an error; size, nesting and number of
// keys are bounded before a parser sees the text, and aliases are refused.
package config
