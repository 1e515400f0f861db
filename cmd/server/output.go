package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// errOutput is returned by a command whose output could not be written.
var errOutput = errors.New("write the output")

// output is the stdout of a command. It remembers that something could not be
// written: what is cut off without a word looks like all there is.
type output struct {
	io.Writer

	mu  sync.Mutex
	err error // the first
}

// Write writes p, and after the first failure nothing more.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Writer.Write(p)
	if err != nil {
		o.err = fmt.Errorf("%w: %w", errOutput, err)
	}
	return n, o.err
}

// failed returns why something could not be written; nil = all was.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
