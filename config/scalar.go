package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar is a single value as text.
type scalar struct {
	text string
	// bare is true for what may be a number or true and false: not quoted, or
	// made of a variable.
	bare bool
}

// scalar returns a single value, variables put in. want says what it is for.
func (v item) scalar(want string) (s scalar, ok bool) {
	s, ok = v.written(want)
	if !ok {
		return s, false
	}
	text, names, problem := expand(s.text, v.r.env)
	if problem != "" {
		v.fault(problem)
		return s, false
	}
	v.note(names...)
	return scalar{text: text, bare: s.bare || len(names) > 0}, true
}

// written returns a single value as it is written.
func (v item) written(want string) (s scalar, ok bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		s = scalar{text: n.Value, bare: n.Token.Type == token.StringType}
	case *ast.LiteralNode:
		s = scalar{text: n.Value.Value}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		s = scalar{text: n.GetToken().Value, bare: true}
	default:
		v.reject(want)
		return s, false
	}
	return s, true
}

// text returns any single value that has no control characters.
func text(v item) (string, bool) {
	s, ok := v.scalar("a text")
	if ok && strings.ContainsFunc(s.text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		v.fault("the text has a line break or a control character")
		return "", false
	}
	return s.text, ok
}

// remark returns any text, of several lines too.
func remark(v item) (string, bool) {
	s, ok := v.scalar("a text")
	return s.text, ok
}

// truth returns true or false.
func truth(v item) (bool, bool) {
	const want = "true or false"
	s, ok := v.scalar(want)
	switch {
	case !ok:
		return false, false
	case s.bare && s.text == "true":
		return true, true
	case s.bare && s.text == "false":
		return false, true
	case !s.bare && (s.text == "true" || s.text == "false"):
		v.hinted("leave out the quotes", "want true or false, not a text")
	default:
		v.faultf("want %s, not %s", want, quote(s.text))
	}
	return false, false
}

// count returns a parser of whole numbers from low to high.
func count(low, high int) func(item) (int, bool) {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	return func(v item) (int, bool) {
		s, ok := v.scalar(want)
		if !ok {
			return 0, false
		}
		n, err := strconv.Atoi(s.text)
		switch {
		case err == nil && !s.bare:
			v.hinted("leave out the quotes", "want "+want+", not a text")
		case err != nil || n < low || n > high:
			v.faultf("want %s, not %s", want, shorten(s.text))
		default:
			return n, true
		}
		return 0, false
	}
}

// maxDuration is the longest duration that a key takes.
const maxDuration = 10 * 365 * 24 * time.Hour

// duration returns a parser of durations: none (0), or from low on.
func duration(low time.Duration) func(item) (time.Duration, bool) {
	return func(v item) (time.Duration, bool) { return v.duration(low, true) }
}

// someDuration returns a parser of durations from low on; 0 is not taken.
func someDuration(low time.Duration) func(item) (time.Duration, bool) {
	return func(v item) (time.Duration, bool) { return v.duration(low, false) }
}

func (v item) duration(low time.Duration, zero bool) (time.Duration, bool) {
	s, ok := v.scalar("a duration such as 5s")
	if !ok {
		return 0, false
	}
	d, problem, hint := parseDuration(s.text, low, zero)
	if problem != "" {
		v.hinted(hint, problem)
		return 0, false
	}
	return d, true
}

// parseDuration reads a duration and says what is wrong with it.
func parseDuration(text string, low time.Duration, zero bool) (d time.Duration, problem, hint string) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		if _, number := strconv.ParseFloat(text, 64); number == nil {
			return 0, fmt.Sprintf("want a duration with its unit, not %s", quote(text)), text + "s are seconds, " + text + "ms milliseconds"
		}
		return 0, fmt.Sprintf("want a duration such as 500ms, 5s or 1h30m, not %s", quote(text)), "units are ns, us, ms, s, m, h"
	case d == 0 && zero:
		return 0, "", ""
	case d < low || d > maxDuration:
		problem = fmt.Sprintf("want a duration from %s to %s", durationText(low), durationText(maxDuration))
		if zero {
			problem += ", or 0"
		}
		return 0, problem + ", not " + shorten(text), ""
	}
	return d, "", ""
}

// durationText is the short form of a duration: 1h, not 1h0m0s.
func durationText(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// sizeUnit is what stands behind a number of bytes.
type sizeUnit struct {
	name  string
	bytes int64
}

func sizeUnits() []sizeUnit {
	return []sizeUnit{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}
}

// size returns a number of bytes: 1MiB, 10MB, 512.
func size(v item) (int64, bool) {
	s, ok := v.scalar("a size such as 1MiB")
	if !ok {
		return 0, false
	}
	number, factor := s.text, int64(1)
	for _, unit := range sizeUnits() {
		if rest, found := strings.CutSuffix(number, unit.name); found {
			number, factor = strings.TrimSpace(rest), unit.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	switch {
	case err != nil && strings.TrimRight(number, "kKmMgGtTi") != number:
		v.hinted("units are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB", fmt.Sprintf("want a size such as 1MiB or 10MB, not %s", quote(s.text)))
		return 0, false
	case err != nil || int64(n) > math.MaxInt64/factor:
		v.faultf("want a size such as 1MiB, 10MB or a number of bytes, not %s", quote(s.text))
		return 0, false
	}
	return int64(n) * factor, true
}

// sizeFrom returns a parser of sizes from low to high.
func sizeFrom(low, high int64) func(item) (int64, bool) {
	return func(v item) (int64, bool) {
		n, ok := size(v)
		if ok && (n < low || n > high) {
			v.faultf("want a size from %s to %s, not %s", sizeText(low), sizeText(high), sizeText(n))
			return 0, false
		}
		return n, ok
	}
}

// sizeText prints a number of bytes with the largest unit that divides it.
func sizeText(n int64) string {
	for _, unit := range []sizeUnit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n > 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// oneOf returns a parser of words.
func oneOf(words ...string) func(item) (string, bool) {
	want := "one of " + strings.Join(words, ", ")
	return func(v item) (string, bool) {
		s, ok := v.scalar(want)
		if !ok {
			return "", false
		}
		for _, word := range words {
			if s.text == word {
				return word, true
			}
		}
		hint := ""
		if best := closest(s.text, words); best != "" {
			hint = "did you mean " + best + "?"
		}
		v.hinted(hint, fmt.Sprintf("want %s, not %s", want, quote(s.text)))
		return "", false
	}
}
