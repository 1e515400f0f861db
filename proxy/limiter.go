package proxy

import (
	"sync"
	"time"
)

// linesPerSecond is how many errors of one upstream are logged in a second.
const linesPerSecond = 10

// limiter lets so many lines a second into the log and counts the others. The
// zero value is ready.
type limiter struct {
	mu         sync.Mutex
	second     int64
	lines      int
	suppressed uint64
}

// allow tells whether a line may be written at now, and how many were not
// since the last one that was.
func (l *limiter) allow(now time.Time) (suppressed uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if second := now.Unix(); second != l.second {
		l.second, l.lines = second, 0
	}
	if l.lines >= linesPerSecond {
		l.suppressed++
		return 0, false
	}
	l.lines++
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}
