package config

import (
	"strings"
	"unicode"
)

// suggest returns "did you mean X?" for the candidate that is closest to name,
// or the list of them when none is close and they are few, or "".
func suggest(name string, candidates []string) string {
	if best := closest(name, candidates); best != "" {
		return "did you mean " + best + "?"
	}
	if len(candidates) == 0 {
		return ""
	}
	return "known here: " + strings.Join(candidates, ", ")
}

// closest returns the candidate that name is most likely meant to be, or "".
func closest(name string, candidates []string) string {
	best, least := "", 0
	for _, candidate := range candidates {
		d := distance(plainName(name), plainName(candidate))
		if d <= min(max(len(candidate)/3, 1), 3) && d < len(candidate) && (best == "" || d < least) {
			best, least = candidate, d
		}
	}
	return best
}

// plainName takes away what people write differently: case, "-" and "_". A
// name that is too long for any key is cut.
func plainName(name string) string {
	name = name[:min(len(name), 2*maxName)]
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// distance counts the edits between two texts: a byte put in, left out,
// replaced, or two neighbours swapped (optimal string alignment: Damerau 1964,
// with no byte edited twice).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
