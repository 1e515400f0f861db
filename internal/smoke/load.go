package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// minRequests is the least that a run of wrk must get through: a proxy that hangs fails nothing.
const minRequests = 1000

// load starts wrk for some seconds.
func (s *stage) load(seconds int) (*process, error) {
	return launch("wrk", s.tools.wrk, "-t1", "-c16", fmt.Sprintf("-d%ds", seconds), "--timeout", "4s", s.url())
}

// result waits for wrk and reads how many requests it made and how many failed.
func result(load *process) (requests string, failed int, err error) {
	<-load.done
	text := load.out.String()
	m := regexp.MustCompile(`(\d+) requests in`).FindStringSubmatch(text)
	if m == nil {
		return "", 0, fmt.Errorf("wrk did not run:\n%s", text)
	}
	for _, line := range []string{`Non-2xx or 3xx responses: (\d+)`, `Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`} {
		for _, n := range submatches(line, text) {
			failed += n
		}
	}
	if n, _ := strconv.Atoi(m[1]); n < minRequests { // digits only
		return "", 0, fmt.Errorf("only %s requests came through:\n%s", m[1], text)
	}
	return m[1], failed, nil
}

func submatches(expr, text string) []int {
	m := regexp.MustCompile(expr).FindStringSubmatch(text)
	var numbers []int
	for i := 1; i < len(m); i++ {
		var n int
		_, _ = fmt.Sscan(m[i], &n) // the expression matches digits only
		numbers = append(numbers, n)
	}
	return numbers
}
