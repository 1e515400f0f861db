package nethttp

import (
	"net/http"
	"runtime/debug"
	"time"
)

// handle serves one request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	if r.ProtoMajor == 2 {
		s.counts.streams.Add(1)
		defer s.counts.streams.Add(-1)
	}
	st := s.streams.Get().(*stream)
	if no := st.begin(w, r); no != nil {
		st.refuse(no)
		if no.text == noHTTP2 && s.tls == nil {
			s.hint.Do(func() {
				s.cfg.Logger.Warn("a client speaks HTTP/2 without TLS, which this listener refuses; h2c: true makes it take that. It is told once",
					"listener", s.cfg.Listener.Name, "remote", st.conn.remoteText)
			})
		}
	}
	s.serve(st)
	aborted := st.x.Aborted()
	st.end()
	s.streams.Put(st)
	if aborted {
		panic(http.ErrAbortHandler)
	}
}

// serve calls the core. A panic is logged and breaks the client's connection;
// the stream is not used again, since nobody knows who still holds it.
func (s *Server) serve(st *stream) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.cfg.Logger.Error("request panicked", "panic", p, "method", st.x.Request.Method, "stack", string(debug.Stack()))
		st.end()
		panic(http.ErrAbortHandler)
	}()
	s.core.Serve(&st.x)
}

// refuse makes the core answer that the request is not one to forward, and bounds
// what net/http goes on reading of its body.
func (s *stream) refuse(no *refusal) {
	s.x.Refusal = no.answer()
	_ = s.rc.SetReadDeadline(time.Now().Add(lingerTime)) // fails on a dead connection, where nothing is read
}
