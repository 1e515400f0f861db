package config

import "errors"

// ErrInvalid is returned when a configuration has faults. The error is a
// *Faults, which says all of them; nothing of the configuration is returned.
var ErrInvalid = errors.New("invalid configuration")

// ErrNotFound is returned by Find when there is no configuration file in any
// of the places where one is looked for.
var ErrNotFound = errors.New("no configuration file found")
