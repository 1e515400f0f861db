package dns

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

const (
	// minHold and maxHold clamp how long records are used before they are asked for again.
	minHold = time.Second
	maxHold = 5 * time.Minute
	// firstRetry and lastRetry are the pauses after failures: doubling, jittered by +-20%.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// absentAnswers in a row over absentFor is how long a name server must say
	// that known records are gone before that is believed: while a zone is loaded
	// again, servers say so of names that exist. doubtPause is between two such questions.
	absentAnswers = 3
	absentFor     = 10 * time.Second
	doubtPause    = 5 * time.Second
	// slack is how much too early records may be asked for, so that sets that
	// end at almost the same time are asked for in one look.
	slack = 100 * time.Millisecond
)

// record is an address, or a line of SRV.
type record struct {
	addr                   netip.Addr
	target                 string // lower case, with a dot at the end; empty = an address
	priority, weight, port uint16
}

// answer is what came of one question, with all that it took to get it.
type answer struct {
	records []record
	ttl     time.Duration // the smallest of all records on the way
	// glue are addresses of targets that came along, with the smallest TTL of each target's.
	glue map[string]glue
	err  error
}

// glue are the addresses of one target.
type glue struct {
	v4, v6 []record
	ttl    time.Duration
}

// recordSet is what is known of one kind of record of one name, and the rule of
// what to believe. It reads no clock.
//
//   - An answer with records replaces them.
//   - A failure (SERVFAIL, no answer, ...) keeps them, as long as it lasts or for max_stale.
//   - NXDOMAIN and NODATA keep them too at first; three in a row over at least
//     10 s are believed, and they are gone. A failure in between begins the count anew.
type recordSet struct {
	records []record
	// known: there were records once. gone: they are no more, for sure.
	known, gone bool
	// err is what came of the last lookup; asked is when it ended, zero = never.
	err   error
	asked time.Time
	// next is when to ask again.
	next time.Time
	// failing is since when lookups give no records; failures counts them.
	failing  time.Time
	failures int
	// absent counts the answers in a row that there is nothing, the first at absentSince.
	absent      int
	absentSince time.Time
}

// take takes the outcome of a lookup. jitter, from 0 to 1, is the name's own.
func (s *recordSet) take(a answer, jitter float64, now time.Time) {
	s.asked, s.err = now, a.err
	if a.err == nil {
		*s = recordSet{records: a.records, known: s.known || len(a.records) > 0, asked: now, next: now.Add(hold(a.ttl, jitter))}
		return
	}
	if s.failures == 0 {
		s.failing = now
	}
	s.failures++
	if !isAbsent(a.err) {
		s.absent = 0
		s.next = now.Add(retryAfter(s.failures))
		return
	}
	if s.absent == 0 {
		s.absentSince = now
	}
	s.absent++
	if s.known && s.absent >= absentAnswers && now.Sub(s.absentSince) >= absentFor {
		s.records, s.gone = nil, true
	}
	s.next = now.Add(retryAfter(s.failures))
	if s.doubtful() {
		s.next = now.Add(doubtPause)
	}
}

// doubtful tells whether the last word, that known records are gone, is not believed yet.
func (s *recordSet) doubtful() bool { return s.known && !s.gone && isAbsent(s.err) }

// well tells whether the last lookup gave an answer.
func (s *recordSet) well() bool { return !s.asked.IsZero() && s.err == nil }

// current returns the records to use now.
func (s *recordSet) current(now time.Time, maxStale time.Duration) []record {
	if s.err != nil && maxStale > 0 && now.Sub(s.failing) >= maxStale {
		return nil
	}
	return s.records
}

// hold returns how long records of that TTL are used. The jitter makes it longer, by a
// tenth at most: asked before the TTL ends, a cache on the way would give the
// same records for the rest of it. Only at the upper limit it makes it shorter.
func hold(ttl time.Duration, jitter float64) time.Duration {
	base := min(max(ttl, minHold), maxHold)
	pause := base + time.Duration(jitter*float64(base)/10)
	if pause > maxHold {
		pause = maxHold - time.Duration(jitter*float64(maxHold)/10)
	}
	return pause
}

// retryAfter returns the pause after the n-th failure in a row, from 1.
func retryAfter(n int) time.Duration {
	pause := firstRetry
	for i := 1; i < n && pause < lastRetry; i++ {
		pause *= 2
	}
	pause = min(pause, lastRetry)
	return pause*4/5 + rand.N(pause*2/5)
}
