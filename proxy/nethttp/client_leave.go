package nethttp

// beginHTTP2 notes that the client speaks HTTP/2.
func (s *clientSocket) beginHTTP2() {
	if was := s.state.Or(connHTTP2); was&(connHTTP2|connClosed) == 0 {
		s.server.counts.http2.Add(1)
		s.server.frameConns.Store((*clientConn)(s), nil)
		if s.state.Load()&connClosed != 0 { // meanwhile
			s.server.frameConns.Delete((*clientConn)(s))
		}
	}
}

// sendAway tells a client of HTTP/2 to open no more streams, unless it was told,
// and lets those that it opens before it knows come too: net/http would refuse
// these, and a client cannot send a request again whose body it streamed
// (RFC 9113, 6.8). Who has not asked for anything yet may, once. The caller
// holds writing.
func (c *clientConn) sendAway() error {
	w := c.in.frames
	if w.leaving || !w.asked.Load() || !w.maySpeak() {
		return nil // it is tried again with the next write
	}
	w.leaving = true
	_, err := c.write(goAway(streamNumberBits, errorNone, ""))
	return err
}

// sendAllAway tells all clients of HTTP/2 to open no more streams. Who does not read
// is waited for as long as for any write.
func (s *Server) sendAllAway() {
	s.frameConns.Range(func(key, _ any) bool {
		c := key.(*clientConn)
		s.leaving.Go(func() {
			w := c.in.frames
			w.writing.Lock()
			defer w.writing.Unlock()
			_ = c.sendAway() // fails on a dead connection
		})
		return true
	})
}
