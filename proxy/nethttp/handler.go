package nethttp

import (
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/weirproxy/weir/messages"
)

// refusal is a request that does not reach the core.
type refusal struct {
	status int
	text   string
}

// handle serves one request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	st := s.streams.Get().(*stream)
	no := st.begin(w, r)
	if no == nil {
		s.serve(st)
	} else {
		_ = st.rc.SetReadDeadline(time.Now().Add(lingerTime)) // for what net/http goes on reading of the body
		refuse(w, no)
	}
	aborted := no == nil && st.x.Aborted()
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

func refuse(w http.ResponseWriter, no *refusal) {
	h := w.Header()
	h.Set("X-Weir-Error", string(messages.CodeBadRequest))
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(no.text)+1))
	h.Set("Connection", "close")
	w.WriteHeader(no.status)
	_, _ = w.Write([]byte(no.text + "\n")) // the client may be gone; there is no one else to tell
}
