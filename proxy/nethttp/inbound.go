package nethttp

import (
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// inbound is what a client sends on a connection of HTTP/1, as net/http gets to
// read it. It follows the framing of the messages: net/http sees no byte of a
// head before all of it was found good, and none of the next message with those
// of this one. In the place of a head that is refused comes one that makes the
// handler answer (see refusedHead), after the answers to the requests before it.
//
// A head that arrives in one piece is looked at where net/http wants it, and not
// copied. Only one goroutine reads at a time: net/http sees to that.
type inbound struct {
	socket    socket
	maxHead   int           // bytes of a head
	maxFields int           // of a head; 0 = no limit
	timeout   time.Duration // for a head, from its first byte; 0 = none
	http2     prefaceRule
	frames    *frameWatch // nil = not HTTP/2

	state  inboundState
	head   headScanner
	chunks chunkScanner
	left   int64 // of a sized body
	// held is what came and was not given out. The first ready bytes of it may be.
	held  []byte
	ready int
	// scanned is how much of the head was scanned.
	scanned int
	began   time.Time // when net/http first waited for the rest of a head
	refused *refusal
	broken  error // what reads return in vain
	// malformed: a body was no body, see detachContext.
	malformed atomic.Bool
}

// socket is the connection itself.
type socket interface {
	io.Reader
	// bound gives reads a deadline in addition to that of net/http; zero takes it off.
	bound(t time.Time)
	// isLimit tells whether net/http's deadline is a limit, and not one in the
	// past that only ends a read.
	isLimit() bool
	// beginHTTP2 says that the client speaks HTTP/2.
	beginHTTP2()
	// dismiss ends a connection of HTTP/2 whose client does too much of something.
	dismiss(tooMuch string)
}

// prefaceRule says whether a connection begins with the preface of HTTP/2.
type prefaceRule int

const (
	prefaceRefused  prefaceRule = iota // or is decided already
	prefaceTaken                       // it may, or begin with HTTP/1
	prefaceRequired                    // it must
)

// inboundState says what comes next.
type inboundState int

const (
	inHead   inboundState = iota
	inSized               // a body of known length
	inChunks              // a chunked body
	// undecided follows a request for an upgrade: what comes belongs to the tunnel
	// or is a head. When net/http reads on, it is a head.
	undecided
	inRaw    // a tunnel
	inFrames // HTTP/2
	inVain   // nothing more is given out
)

// refusedHead makes net/http call the handler in the place of a head that was
// refused. No client can send it: "*" goes with OPTIONS only. Its body never
// comes; being long, it makes net/http give the client time to read the answer
// before the connection is closed (RFC 9112, 9.6).
const (
	refusedMethod = "REFUSED"
	refusedHead   = refusedMethod + " * HTTP/1.1\r\nHost: -\r\nContent-Length: 1048576\r\n\r\n"
)

// preface is how HTTP/2 begins (RFC 9113, 3.4).
const (
	prefaceLine = "PRI * HTTP/2.0"
	preface     = prefaceLine + "\r\n\r\nSM\r\n\r\n"
)

// readStep is how much is read at a time of a head that comes in parts.
const readStep = 4 << 10

// Read gives out what net/http may see next.
func (in *inbound) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if in.ready > 0 {
			return in.take(p, in.ready), nil
		}
		switch in.state {
		case inRaw:
			if len(in.held) > 0 {
				return in.take(p, len(in.held)), nil
			}
			return in.socket.Read(p)
		case inFrames:
			return in.readFrames(p)
		case inVain:
			return 0, in.broken
		case inSized:
			return in.readSized(p)
		case inChunks:
			return in.readChunks(p)
		case undecided, inHead:
		}
		// Between messages net/http reads a single byte while it serves a request,
		// to learn of the client's end. It gets none, since a part of a head is
		// nothing to see.
		if len(p) == 1 {
			return 0, in.await(p)
		}
		in.state = inHead
		if n, err := in.readHead(p); n > 0 || err != nil {
			return n, err
		}
	}
}

// take gives out up to n bytes of what is held.
func (in *inbound) take(p []byte, n int) int {
	n = copy(p, in.held[:n])
	in.held = in.held[n:]
	in.ready = max(in.ready-n, 0)
	if len(in.held) == 0 {
		in.held = nil // an idle connection holds no memory
	}
	return n
}

// await returns when the client is gone, or the read is ended. What comes before that
// waits here: as much as a head may have, then nobody looks any more, and net/http
// asks no more. Only who sends something makes it hold memory.
func (in *inbound) await(p []byte) error {
	if len(in.held) == 0 {
		n, err := in.socket.Read(p)
		in.hold(p[:n])
		if n == 0 || err != nil {
			return err
		}
	}
	for len(in.held) < in.maxHead {
		in.held = slices.Grow(in.held, readStep)
		n, err := in.socket.Read(in.held[len(in.held):cap(in.held)])
		in.held = in.held[:len(in.held)+n]
		if n == 0 || err != nil {
			return err
		}
	}
	return nil
}

// hold keeps p behind what is held already.
func (in *inbound) hold(p []byte) {
	if len(p) == 0 {
		return
	}
	in.held = append(in.held, p...)
}

func (in *inbound) readSized(p []byte) (n int, err error) {
	p = p[:min(int64(len(p)), in.left)]
	if len(in.held) > 0 {
		n = in.take(p, len(in.held))
	} else {
		n, err = in.socket.Read(p)
	}
	if in.left -= int64(n); in.left == 0 {
		in.endMessage()
	}
	return n, err
}

func (in *inbound) readChunks(p []byte) (n int, err error) {
	rest := in.held
	if len(rest) > 0 {
		n = copy(p, rest)
		rest = rest[n:]
	} else if n, err = in.socket.Read(p); n == 0 {
		return n, err
	}
	used, end, bad := in.chunks.scan(p[:n])
	in.held = nil
	switch {
	case bad != nil:
		in.state, in.broken = inVain, bad
		in.malformed.Store(true)
		if used > 0 {
			err = nil // the next read tells
		} else {
			err = bad
		}
	case end:
		in.endMessage()
		in.hold(p[used:n])
		in.hold(rest)
	default:
		in.hold(rest)
	}
	return used, err
}

// endMessage readies for what follows a message.
func (in *inbound) endMessage() {
	in.state = inHead
	if in.head.upgrade {
		in.state = undecided
	}
}

// beginBody readies for what follows a head.
func (in *inbound) beginBody() {
	in.scanned, in.began = 0, time.Time{}
	switch kind, size := in.head.body(); kind {
	case sizedBody:
		in.state, in.left = inSized, size
	case chunkedBody:
		in.state, in.chunks = inChunks, chunkScanner{}
	case noBody:
		in.endMessage()
	}
}
