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

// edits returns how many bytes must be put in, taken out, replaced, or swapped
// with their neighbour to make b of a (optimal string alignment distance).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				row[j] = last[j-1]
			} else {
				row[j] = 1 + min(last[j-1], last[j], row[j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
