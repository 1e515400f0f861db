package docker

import "time"

// afterStopTimeout is how long a container may outlive its stop timeout before
// it is no longer taken for leaving.
const afterStopTimeout = 10 * time.Second

// mark says that a container was sent signals that may stop it.
type mark struct {
	// kills are those that count, or all while the stop signal is not known.
	kills []kill
	// died is the count of the latest die event after them; 0 = none.
	died uint64
}

// kill is one signal.
type kill struct {
	signal int
	at     time.Time // on our clock
	engine int64     // on the engine's, in nanoseconds; 0 = not told
	seq    uint64    // the picture's count
}

// counts tells whether the signal stops a container with these details. Before
// they are known, the signals that stop most do.
func (k kill) counts(d *details) bool {
	if k.signal == sigkill {
		return true
	}
	if d == nil {
		return k.signal == sigterm
	}
	return k.signal == d.stopSignal
}

// killed notes a signal. A container that started after it was sent is not
// leaving: that word is late. Of the signals only those are kept that may count.
func (m *mark) killed(k kill, d *details) {
	if d != nil && (!k.counts(d) || (k.engine > 0 && d.startedAt > k.engine)) {
		return
	}
	const most = 8 // of a stranger's signals; a repeated one replaces the one before
	for i := range m.kills {
		if m.kills[i].signal == k.signal {
			m.kills[i] = k
			return
		}
	}
	if len(m.kills) < most || k.signal == sigkill {
		m.kills = append(m.kills, k)
	}
}

// leaving tells whether the container is leaving at now, and until when that
// holds unless something happens; zero = for ever.
func (m *mark) leaving(d *details, now time.Time) (leaving bool, until time.Time) {
	if m == nil {
		return false, time.Time{}
	}
	timeout := defaultStopTimeout
	if d != nil {
		timeout = d.stopTimeout
	}
	for _, k := range m.kills {
		if !k.counts(d) {
			continue
		}
		if timeout < 0 {
			return true, time.Time{}
		}
		if end := k.at.Add(timeout + afterStopTimeout); now.Before(end) && end.After(until) {
			leaving, until = true, end
		}
	}
	return leaving, until
}

// over tells whether what a look that began at count begun saw of the
// container ends the mark: it died, or it started again. c is nil when it is gone.
func (m *mark) over(c *container, begun uint64) bool {
	for _, k := range m.kills {
		if k.seq > begun {
			return false // the look may have been earlier
		}
	}
	switch {
	case c == nil:
		return true
	case c.state != stateRunning && c.state != "paused":
		return true
	case m.died > 0:
		return m.died < begun
	}
	return c.details != nil && startedAfter(c.details, m.kills)
}

func startedAfter(d *details, kills []kill) bool {
	for _, k := range kills {
		if k.engine == 0 || d.startedAt <= k.engine {
			return false
		}
	}
	return true
}
