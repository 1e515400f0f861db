package nethttp

import (
	"bytes"
	"io"
	"time"
)

// decide tells whether what is held is HTTP/2, or may become its preface, or is
// not given out since it must be.
func (in *inbound) decide() bool {
	if bytes.HasPrefix([]byte(preface), in.held[:min(len(in.held), len(preface))]) {
		if len(in.held) >= len(preface) {
			in.state, in.frames = inFrames, newFrameWatch()
			in.socket.beginHTTP2()
			in.watch(in.held)
		}
		return true
	}
	if in.http2 == prefaceRequired {
		// No answer would be understood.
		in.held, in.state, in.broken = nil, inVain, io.EOF
		return true
	}
	in.http2 = prefaceRefused
	return false
}

// readFrames gives out what was seen by the frameWatch. It reads more than is
// asked for, since net/http reads frame by frame.
func (in *inbound) readFrames(p []byte) (int, error) {
	w := in.frames
	if len(in.held) > 0 {
		return in.take(p, len(in.held)), nil
	}
	if len(w.unread) > 0 {
		n := copy(p, w.unread)
		w.unread = w.unread[n:]
		return n, nil
	}
	to := p
	if len(p) < len(w.buffer) {
		to = w.buffer[:]
	}
	n, err := in.readBounded(to)
	if n == 0 {
		return 0, err
	}
	if !in.watch(to[:n]) {
		return 0, in.broken
	}
	if len(p) < len(w.buffer) {
		given := copy(p, to[:n])
		w.unread = to[given:n]
		return given, nil // an error comes again
	}
	return n, err
}

// readBounded gives a head that is not all there the time of one.
func (in *inbound) readBounded(p []byte) (int, error) {
	if since, ok := in.frames.within(); ok && in.timeout > 0 {
		in.socket.bound(since.Add(in.timeout))
		defer in.socket.bound(time.Time{})
	}
	return in.socket.Read(p)
}

// watch looks at what came. It ends the connection, and returns false, when it is
// too much.
func (in *inbound) watch(p []byte) bool {
	tooMuch := in.frames.look(p)
	if tooMuch == "" {
		return true
	}
	in.held, in.state, in.broken = nil, inVain, io.EOF
	in.socket.dismiss(tooMuch)
	return false
}
