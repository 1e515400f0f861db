// Command testreport reads what `go test -json` prints, on its standard input,
// and prints what a person wants of it: a line per package, the output of the
// tests that failed, which tests were skipped and why, and a closing line.
//
//	go test -json ./... | go run ./internal/testreport
//
// Owns: nothing. In: the events of one run; lines that are none are passed on.
// Out: text, and the exit status: 1 when a test, a package or a build failed,
// when nothing was tested, or when the input ended before a package did.
// Order: a package is printed when it ended, its tests in the order they began.
// Failure: input that cannot be read ends it with status 1, and is said.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Stdin, os.Stdout)) }

// run reads a whole run and returns the exit status.
func run(in io.Reader, out io.Writer) int {
	r := newReport(out)
	err := r.read(in)
	r.close()
	if err != nil {
		fmt.Fprintln(out, "testreport: read the events:", err)
		return 1
	}
	if r.failed > 0 || !r.any {
		return 1
	}
	return 0
}
