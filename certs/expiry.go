package certs

import (
	"maps"
	"slices"
	"time"
)

const day = 24 * time.Hour

// identity is a certificate, wherever it lies. Serial numbers are an issuer's own.
type identity struct {
	issuer, serial string
	notAfter       int64 // seconds
}

func (c Certificate) identity() identity { return identity{c.Issuer, c.Serial, c.NotAfter.Unix()} }

// due decides which certificates are told to end soon. told has the nearest
// threshold, in days, that was told of each; due returns it as it is afterwards
// and leaves the one it was given as it is.
//
// A threshold that a certificate never was above, because it was made for a
// shorter time, is not told: one that is renewed each day has ended, or is well.
func due(certificates []Certificate, now time.Time, told map[identity]int) ([]Expiring, map[identity]int) {
	next := maps.Clone(told)
	if next == nil {
		next = map[identity]int{}
	}
	at := map[identity]int{} // where its notice is
	var notices []Expiring
	for _, c := range certificates {
		if i, ok := at[c.identity()]; ok {
			notices[i].Files = sorted(append(notices[i].Files, c.File))
			notices[i].UsedBy = sorted(append(notices[i].UsedBy, c.UsedBy...))
			continue
		}
		nearest, ok := threshold(c.NotBefore, c.NotAfter, now)
		if before, known := told[c.identity()]; !ok || (known && before <= nearest) {
			continue
		}
		at[c.identity()] = len(notices)
		next[c.identity()] = nearest
		notices = append(notices, Expiring{Files: []string{c.File}, Names: c.Names, NotAfter: c.NotAfter, EndsWith: c.EndsWith, DaysLeft: daysLeft(c, now), UsedBy: slices.Clone(c.UsedBy)})
	}
	held := map[identity]bool{}
	for _, c := range certificates {
		held[c.identity()] = true
	}
	maps.DeleteFunc(next, func(id identity, _ int) bool { // what is back after a moment is not told again
		return !held[id] && id.notAfter < now.Unix()
	})
	return notices, next
}

// threshold returns the nearest threshold that a certificate has passed: 30, 14,
// 7, 1 or 0 days; false when there is none.
func threshold(begin, end, now time.Time) (int, bool) {
	left, life := end.Sub(now), end.Sub(begin)
	if left <= 0 {
		return 0, true
	}
	for _, days := range []int{1, 7, 14, 30} {
		if limit := time.Duration(days) * day; left <= limit {
			return days, life > limit
		}
	}
	return 0, false
}

// daysLeft is rounded up; 0 = the certificate has ended.
func daysLeft(c Certificate, now time.Time) int { return inDays(max(0, c.NotAfter.Sub(now))) }

func inDays(d time.Duration) int { return int((d + day - 1) / day) }
