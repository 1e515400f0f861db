package admin

import (
	"fmt"
	"strings"
)

// namesShown is how many known names a message lists.
const namesShown = 20

// knownText lists names after lead, or is empty when there is none.
func knownText(lead string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	more := ""
	if n := len(names) - namesShown; n > 0 {
		names, more = names[:namesShown], fmt.Sprintf(" and %d more", n)
	}
	return lead + strings.Join(names, ", ") + more
}

// nearest returns the name that was probably meant by a mistyped one: the one
// with the fewest edits, at most a third of its length; empty when there is none.
func nearest(typed string, names []string) string {
	const longest = 63 // of names; what is longer is not compared
	if len(typed) > longest {
		return ""
	}
	best, least := "", len(typed)
	for _, name := range names {
		if d := edits(strings.ToLower(typed), strings.ToLower(name)); d < least && d <= max(1, len(name)/3) {
			best, least = name, d
		}
	}
	return best
}

// edits returns how many bytes must be put in, taken out or replaced to make b
// of a (Levenshtein distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
