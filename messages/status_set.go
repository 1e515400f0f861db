package messages

import (
	"fmt"
	"strconv"
	"strings"
)

// StatusSet is a set of HTTP statuses, 100 to 599. The zero value is empty. It
// is an array, so two sets compare with ==.
type StatusSet struct{ bits [8]uint64 }

// ParseStatusSet reads statuses and ranges: "200", "200-299", "2xx", "200,204,301-308".
func ParseStatusSet(text string) (StatusSet, error) {
	var set StatusSet
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		lo, hi, err := parseStatusRange(part)
		if err != nil {
			return StatusSet{}, err
		}
		for s := lo; s <= hi; s++ {
			set.bits[(s-100)/64] |= 1 << ((s - 100) % 64)
		}
	}
	return set, nil
}

// Has tells whether status is in the set.
func (s StatusSet) Has(status int) bool {
	return status >= 100 && status <= 599 && s.bits[(status-100)/64]&(1<<((status-100)%64)) != 0
}

// Empty tells whether nothing is in the set.
func (s StatusSet) Empty() bool { return s == StatusSet{} }

// String prints the set as ParseStatusSet reads it: "200-299,304".
func (s StatusSet) String() string {
	var parts []string
	for lo := 100; lo <= 599; lo++ {
		if !s.Has(lo) {
			continue
		}
		hi := lo
		for s.Has(hi + 1) {
			hi++
		}
		if hi == lo {
			parts = append(parts, strconv.Itoa(lo))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", lo, hi))
		}
		lo = hi
	}
	return strings.Join(parts, ",")
}

func parseStatusRange(part string) (lo, hi int, err error) {
	bad := fmt.Errorf("%q is not a status (200), a class (2xx) or a range (200-299)", part)
	if len(part) == 3 && strings.HasSuffix(strings.ToLower(part), "xx") && part[0] >= '1' && part[0] <= '5' {
		lo = int(part[0]-'0') * 100
		return lo, lo + 99, nil
	}
	first, last, ranged := strings.Cut(part, "-")
	lo, hi = parseStatus(first), parseStatus(first)
	if ranged {
		hi = parseStatus(last)
	}
	if lo == 0 || hi == 0 || lo > hi {
		return 0, 0, bad
	}
	return lo, hi, nil
}

// parseStatus reads three digits from 100 to 599; 0 = they are not.
func parseStatus(text string) int {
	text = strings.TrimSpace(text)
	n, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || n < 100 || n > 599 {
		return 0
	}
	return n
}
