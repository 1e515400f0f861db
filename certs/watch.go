package certs

import "time"

// reading is what a look found.
type reading struct {
	// sum is of the content, or tells the error from others when nothing was read.
	sum string
	// err says why it cannot be used; material is nil then.
	err      error
	material *material
}

// action is what a reading leads to.
type action int

const (
	keep    action = iota // nothing changes
	replace               // it is in force from now on
	refuse                // it was bad for long enough to be told
	restore               // what was told to be refused is gone; the content in force is there again
)

// watch decides what becomes of readings. It is pure.
type watch struct {
	patience time.Duration
	inForce  string // the sum of what is in force
	// problem says why the content now is not used, since when; nil = it is.
	problem error
	since   time.Time
	// told is the sum of what was told to be refused; the next is not told before quiet.
	told  string
	quiet time.Time
}

// step takes a reading.
func (w *watch) step(now time.Time, r reading) action {
	if r.err == nil {
		told := w.told != ""
		w.problem, w.since, w.told, w.quiet = nil, time.Time{}, "", time.Time{}
		switch {
		case r.sum != w.inForce:
			w.inForce = r.sum
			return replace
		case told:
			return restore
		}
		return keep
	}
	if w.problem == nil {
		w.since, w.quiet = now, now.Add(w.patience)
	}
	w.problem = r.err
	if r.sum == w.told || now.Before(w.quiet) {
		return keep
	}
	w.told, w.quiet = r.sum, now.Add(w.patience)
	return refuse
}
