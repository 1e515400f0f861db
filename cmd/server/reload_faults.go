package main

import (
	"errors"
	"fmt"

	"github.com/weirproxy/weir/config"
)

// notToStart says what is wrong with files that are in force as they were read
// before: a reload goes on with that, and a start would not.
func notToStart(err error) (warnings []string) {
	var faults *config.Faults
	if errors.As(err, &faults) {
		for _, f := range faults.List {
			warnings = append(warnings, fmt.Sprintf("%s: %s: weir goes on with what it read before, and would not start with this", f.Path, f.Message))
		}
	}
	return warnings
}

// placed returns all that is wrong with what cfg leads to, with its places, or else
// err. Files count only once something new has to be read: what is in force is not
// given up for a file that is being written.
func placed(cfg *config.Config, err error) error {
	if _, faults := verify(cfg); faults != nil {
		return faults
	}
	return err
}
