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

// interject puts what weir has to say between the frames of net/http: if that is in
// the midst of one, with a later write. The caller holds writing.
//
// A server that drains tells clients to open no more streams, and lets those that
// they open before they know come too: net/http would refuse these, and a client
// cannot send a request again whose body it streamed (RFC 9113, 6.8). Who comes
// while it drains may ask once.
func (c *clientConn) interject() error {
	w := c.in.frames
	if !w.maySpeak() {
		return nil
	}
	if parting := w.parting.Swap(nil); parting != nil {
		_, err := c.write(*parting)
		return err
	}
	if w.leaving || !w.asked.Load() || !c.server.draining.Load() {
		return nil
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
			w.asked.Store(true) // or else had its time to ask: who comes now gets some, too
			w.writing.Lock()
			defer w.writing.Unlock()
			_ = c.interject() // fails on a dead connection
		})
		return true
	})
}
