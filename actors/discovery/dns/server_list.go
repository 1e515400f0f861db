package dns

import (
	"sync"
	"time"
)

// shunned is how long a server that did not answer is asked after the others.
const shunned = 10 * time.Second

// serverList remembers which name servers do not answer, so that one that is
// dead costs its timeout to one lookup in ten seconds and not to each.
type serverList struct {
	mu    sync.Mutex
	until map[string]time.Time // by server: until when it is asked last
	turn  int
}

// order returns servers in the order in which to ask them. A server whose time
// is over is in its place again for one lookup, which finds out for all others.
func (l *serverList) order(servers []string, rotate bool, now time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := 0
	if rotate {
		first = l.turn % len(servers)
		l.turn++
	}
	var good, bad []string
	for i := range servers {
		server := servers[(first+i)%len(servers)]
		until, noted := l.until[server]
		switch {
		case !noted:
			good = append(good, server)
		case now.Before(until):
			bad = append(bad, server)
		default:
			l.until[server] = now.Add(shunned)
			good = append(good, server)
		}
	}
	return append(good, bad...)
}

// note tells whether a server answered, whatever it said.
func (l *serverList) note(server string, answered bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if answered {
		delete(l.until, server)
		return
	}
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	l.until[server] = now.Add(shunned)
}
