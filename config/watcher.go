package config

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// Times of a Watcher.
const (
	// DefaultInterval is how often the content is looked at.
	DefaultInterval = time.Second
	// DefaultSettle is how long a changed content must stay the same.
	DefaultSettle = 200 * time.Millisecond
)

// Reading is what a Watcher found: sources that changed, or why they cannot be
// read any more.
type Reading struct {
	Sources Sources
	// Err is set when the file itself cannot be read; there are no Sources then.
	Err error
}

// Watcher looks whether the files of a configuration change, by their content,
// so that it does not matter how they are changed: an editor that renames, scp,
// a ConfigMap that swaps a link. It parses nothing.
//
// A changed content is reported when two readings in a row, Settle apart, found
// the same. Each content is reported once; what is wrong with it is for the
// receiver to find out. When the file is away or cannot be read for longer than
// Interval, that is reported once; when it is there again, that is reported even
// if it has not changed. What the receiver has in force already it knows by
// Sources.Equal.
type Watcher struct {
	// Interval is how often the content is looked at; 0 = DefaultInterval.
	Interval time.Duration
	// Settle is how long a changed content must stay the same; 0 = DefaultSettle.
	Settle time.Duration

	read     func(Sources) (Sources, error) // reads again
	readings chan Reading
	settling settling
	seen     Sources // at the last reading that succeeded
}

// NewWatcher returns a watcher of the files that running was read from. It
// starts nothing: the caller runs Run in a goroutine, and ends it by the context.
func NewWatcher(running Sources) *Watcher {
	return &Watcher{read: readAgain, readings: make(chan Reading), seen: running, settling: settling{reported: running.Hash()}}
}

// Readings gives what was found. It is closed when Run has returned. While
// nobody receives, nothing is looked at.
func (w *Watcher) Readings() <-chan Reading { return w.readings }

// Run looks at the files until ctx is done. It is called once.
func (w *Watcher) Run(ctx context.Context) {
	defer close(w.readings)
	w.settling.interval, w.settling.settle = w.Interval, w.Settle
	if w.Interval <= 0 {
		w.settling.interval = DefaultInterval
	}
	if w.Settle <= 0 {
		w.settling.settle = DefaultSettle
	}
	timer := time.NewTimer(w.settling.interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		reading := Reading{}
		reading.Sources, reading.Err = w.read(w.seen)
		if reading.Err == nil {
			w.seen = reading.Sources
		}
		report, wait := w.settling.step(time.Now(), reading)
		if report {
			select {
			case <-ctx.Done():
				return
			case w.readings <- reading:
			}
		}
		timer.Reset(wait)
	}
}

// settling decides when a reading is reported.
type settling struct {
	interval, settle time.Duration
	// reported is the hash, or the error, that was reported last.
	reported string
	// candidate is the hash of a reading that waits to be confirmed.
	candidate string
	// failing is since when the file cannot be read; zero = it can.
	failing time.Time
}

// step takes a reading. It says whether to report it, and when to read again.
func (s *settling) step(now time.Time, r Reading) (report bool, wait time.Duration) {
	if r.Err != nil {
		s.candidate = ""
		if s.failing.IsZero() {
			s.failing = now
		}
		if now.Sub(s.failing) < s.interval || s.reported == r.Err.Error() {
			return false, s.interval
		}
		s.reported = r.Err.Error()
		return true, s.interval
	}
	s.failing = time.Time{}
	hash := r.Sources.Hash()
	switch {
	case hash == s.reported:
		s.candidate = ""
	case hash != s.candidate:
		s.candidate = hash
		return false, s.settle
	default:
		s.reported, s.candidate = hash, ""
		return true, s.interval
	}
	return false, s.interval
}

// readAgain reads what known was read from. Most of the time nothing changed:
// then the files are compared with what is known, and no memory is taken.
func readAgain(known Sources) (Sources, error) {
	if known.unchanged() {
		return known, nil
	}
	return readSources(known.path, &known)
}

// unchanged tells whether all files have the content that s knows. False also
// when that cannot be told.
func (s *Sources) unchanged() bool {
	if len(s.files) == 0 || len(s.problems) > 0 {
		return false
	}
	var found []string
	seen := map[string]bool{}
	for _, m := range s.match() {
		if m.problem != "" {
			return false
		}
		if !seen[m.name] {
			seen[m.name] = true
			found = append(found, m.name)
		}
	}
	if !slices.Equal(found, s.Files()[1:]) {
		return false
	}
	buffer := make([]byte, 32<<10)
	for _, f := range s.files {
		if f.problem != "" || !sameContent(f.name, f.text, buffer) {
			return false
		}
	}
	return true
}

// sameContent tells whether a file has exactly this text.
func sameContent(name string, text, buffer []byte) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	for {
		n, err := f.Read(buffer)
		if n > len(text) || !bytes.Equal(buffer[:n], text[:n]) {
			return false
		}
		text = text[n:]
		if err != nil {
			return errors.Is(err, io.EOF) && len(text) == 0
		}
	}
}
