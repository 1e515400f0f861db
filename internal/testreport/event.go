package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// event is a line of `go test -json`: see `go doc test2json` and, for the
// actions build-output and build-fail, `go help buildjson`.
type event struct {
	Action      string
	Package     string
	Test        string
	Output      string
	ImportPath  string // of build events
	FailedBuild string // of a package's fail: the ImportPath of the build
}

// read takes in every event up to the end of the input.
func (r *report) read(in io.Reader) error {
	// Not a bufio.Scanner: a test may print a line of any length.
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				r.take(e)
			} else {
				fmt.Fprintf(r.out, "%s", line) // the go command itself has something to say
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
