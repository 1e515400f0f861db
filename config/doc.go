// Package config reads the configuration file: what keys there are, what they
// may hold, what they default to, and what differs between two versions.
//
// Owns: the keys (each is known by being read, see object), the defaults
// (defaults.go), the rules for values, the text of faults.
// In: YAML text (JSON is YAML) and the environment variables that it names.
// Out: a Config with messages.Desired in it; or *Faults, which hold every
// fault of the text at once, each with line, column and the line itself; or,
// from Config.Effective, text that says where every value comes from. Diff
// compares two desired states.
// Order: text is checked in steps: bytes, then YAML syntax, then keys and
// values. Faults of one step are reported together; the next step is taken
// when there are none. Environment variables are put into single values after
// the syntax was read, so what they hold is never taken for syntax. Nothing
// here keeps state.
// Failure: bad input is never more than an error; size, nesting and number of
// keys are bounded before a parser sees the text, and aliases are refused.
package config
