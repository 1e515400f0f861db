package nethttp

import (
	"io"
	"net"
	"time"
)

// dismissTime is how long a client that is sent away gets to read why.
const dismissTime = 500 * time.Millisecond

// sayGoodbye tells a client why its connection ends. What it sent must be read,
// or closing would take the answer from it.
func sayGoodbye(c net.Conn, text string) {
	if c.SetDeadline(time.Now().Add(dismissTime)) != nil {
		return
	}
	if _, err := io.WriteString(c, text); err == nil {
		linger(c, dismissTime)
	}
}

// linger gives a client time to read the last that it was sent: what it goes on
// sending is taken, or closing would take that from it (RFC 9112, 9.6).
func linger(c net.Conn, limit time.Duration) {
	if c.SetDeadline(time.Now().Add(limit)) != nil || closeWrite(c) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c) // until it goes or its time is over
}

// dismiss tells a client of HTTP/2 that it does too much of something (RFC 9113,
// 6.8 and 7), unless it takes nothing, and gives it time to read that. Requests
// under way go on meanwhile, and end with the connection.
func (s *clientSocket) dismiss(tooMuch string) {
	s.server.counts.dismissed.Add(1)
	s.server.cfg.Logger.Debug("a client of HTTP/2 is sent away", "listener", s.server.cfg.Listener.Name, "remote", s.remote, "why", tooMuch)
	_ = s.Conn.SetReadDeadline(time.Now().Add(dismissTime)) // fails on a dead connection, as the read will
	w := s.in.frames
	parting := goAway(w.last, errorEnhanceCalm, tooMuch)
	w.parting.Store(&parting)
	if w.writing.TryLock() { // else who writes now tells it
		err := (*clientConn)(s).interject()
		w.writing.Unlock()
		if err != nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, s.Conn) // until it goes or its time is over
}
