package peertest

import "time"

// Manner is how a peer behaves.
type Manner struct {
	kind  kind
	every time.Duration
	raw   string
}

type kind int

const (
	well kind = iota
	sick
	hang
	refuse
	resetBeforeHead
	resetMidBody
	drip
	garbage
	closeAfter
	closeIdle
)

// OK answers what Answer says, and keeps connections.
func OK() Manner { return Manner{} }

// Sick answers 503.
func Sick() Manner { return Manner{kind: sick} }

// Hang reads the head of a request and never answers, until the connection ends.
func Hang() Manner { return Manner{kind: hang} }

// Refuse closes the listener and resets all connections. Any other Manner opens
// the same port again.
func Refuse() Manner { return Manner{kind: refuse} }

// ResetBeforeHead reads the head of a request and resets the connection.
func ResetBeforeHead() Manner { return Manner{kind: resetBeforeHead} }

// ResetMidBody answers with half of the body it promised and resets the connection.
func ResetMidBody() Manner { return Manner{kind: resetMidBody} }

// Drip answers, and sends one byte of the body at once and one each time every
// has passed.
func Drip(every time.Duration) Manner { return Manner{kind: drip, every: every} }

// Garbage answers raw instead of HTTP, and closes the connection.
func Garbage(raw string) Manner { return Manner{kind: garbage, raw: raw} }

// CloseAfter answers and closes the connection at once without having said so.
func CloseAfter() Manner { return Manner{kind: closeAfter} }

// CloseIdle answers and closes the connection when it is idle for so long.
func CloseIdle(after time.Duration) Manner { return Manner{kind: closeIdle, every: after} }
