package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// stream is one exchange as the client sees it; it is the proxy.ClientStream.
// Streams are reused.
type stream struct {
	server *Server
	x      proxy.Exchange
	w      http.ResponseWriter
	r      *http.Request
	rc     *http.ResponseController
	conn   *clientConn
	ctx    context.Context // ends when the client is gone
	leave  func()          // releases ctx; nil when ctx is the request's own
	body   clientBody
	tunnel *clientTunnel
	h2     bool
	names  []string // scratch for sorting
	// trailersFunc is s.trailers, made once.
	trailersFunc func() proxy.Fields
}

var (
	errNoUpgrade = errors.New("an HTTP/2 stream cannot be upgraded")
	errNoStatus  = errors.New("not the status of a final response")
)

func newStream(s *Server) *stream {
	st := &stream{server: s}
	st.trailersFunc = st.trailers
	return st
}

// end lets go of everything that belongs to the request.
func (s *stream) end() {
	if s.leave != nil {
		s.leave()
	}
	if s.tunnel != nil {
		_ = s.tunnel.Close() // the core closed it; this is for a core that panicked
	}
	cutOff := s.x.Aborted() && !s.h2 // which the client is to see
	if s.body.finish(cutOff) && !s.h2 && !cutOff {
		s.conn.unread.Store(true)
	}
	if s.h2 && s.server.cfg.WriteTimeout > 0 {
		// What the handler left unsent is sent after it, and bound likewise.
		_ = s.rc.SetWriteDeadline(time.Now().Add(s.server.cfg.WriteTimeout))
	}
	s.x.Reset()
	s.w, s.r, s.rc, s.conn, s.ctx, s.leave, s.tunnel = nil, nil, nil, nil, nil, nil, nil
	s.h2 = false
}

// Context ends when the client is gone. It saves the peer codec of this package
// a goroutine that would wait for Exchange.Done.
func (s *stream) Context() context.Context { return s.ctx }

// InterruptBody makes a read of the request's body that is under way return, and
// later ones fail, with a *proxy.Failure of that code. The peer codec calls it
// when it cannot use the body any more.
func (s *stream) InterruptBody(code messages.Code) { s.body.interrupt(code) }

// Informational sends a 1xx at once; an HTTP/1.0 client gets none (RFC 9110, 15.2).
func (s *stream) Informational(status int, header *proxy.Fields) error {
	if status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
		return fmt.Errorf("send %d as informational: %w", status, errNoStatus)
	}
	if !s.r.ProtoAtLeast(1, 1) {
		return nil
	}
	h := s.w.Header()
	for i := range header.Len() {
		f := header.At(i)
		h.Add(f.Name, f.Value)
	}
	s.w.WriteHeader(status)
	clear(h)
	return nil
}

// Head sends the head of r, or leaves it to go with the first part of the body.
func (s *stream) Head(r *proxy.Response) error {
	if r.Status < 200 || r.Status > 999 {
		return fmt.Errorf("send %d: %w", r.Status, errNoStatus)
	}
	s.body.anyRate() // from here on both may talk, or be silent
	h := s.w.Header()
	copyFields(h, &r.Header, ownedByResponse)
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if r.Status != http.StatusNoContent && r.Status != http.StatusNotModified {
		s.frame(h, r.ContentLength)
	}
	if len(r.TrailerNames) > 0 {
		h["Trailer"] = []string{strings.Join(r.TrailerNames, ", ")}
	}
	if s.mustClose(r) {
		h["Connection"] = []string{"close"}
	}
	s.w.WriteHeader(r.Status)
	for _, name := range r.TrailerNames {
		h.Del(name) // a field of that name is not its trailer
	}
	return nil
}

// frame says how long the body is.
func (s *stream) frame(h http.Header, length int64) {
	switch {
	case length >= 0:
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	case s.r.ProtoMajor == 1 && s.r.ProtoAtLeast(1, 1) && s.r.Method != http.MethodHead:
		h["Transfer-Encoding"] = []string{"chunked"} // net/http would give a short body a length
	}
}

// mustClose tells whether the connection ends with this response. It does when
// the request's body was not read to its end: in full duplex net/http would take
// what follows a read that failed for the next request.
func (s *stream) mustClose(r *proxy.Response) bool {
	if s.server.draining.Load() && !s.h2 { // who speaks HTTP/2 is sent away by the connection
		return true
	}
	if s.x.Refusal != nil && !s.h2 {
		return true // nobody knows where the next request begins
	}
	if s.h2 || s.body.ended() {
		return false
	}
	// A response without a Body was made by the core: no peer reads the
	// request's body any more, and a short rest is cheaper than a new connection.
	return r.Body != nil || !s.body.discardRest()
}

// Write sends p as a part of the body.
func (s *stream) Write(p []byte) (int, error) {
	defer s.boundStream()()
	return s.w.Write(p)
}

// Flush sends what is buffered.
func (s *stream) Flush() error {
	defer s.boundStream()()
	return s.rc.Flush()
}

// boundStream bounds a write on an HTTP/2 stream, which may wait for the
// client's flow control window without any write on the connection.
func (s *stream) boundStream() func() {
	if !s.h2 || s.server.cfg.WriteTimeout == 0 {
		return unbound
	}
	_ = s.rc.SetWriteDeadline(time.Now().Add(s.server.cfg.WriteTimeout)) // fails on a dead stream, as the write will
	return func() { _ = s.rc.SetWriteDeadline(time.Time{}) }
}

func unbound() {}

// Trailers sends f after the body. They go out when the exchange is over.
func (s *stream) Trailers(f *proxy.Fields) error {
	h := s.w.Header()
	clear(h)
	announced := s.x.Response.TrailerNames
	for i := range f.Len() {
		field := f.At(i)
		name := http.CanonicalHeaderKey(field.Name)
		if !contains(announced, name) {
			name = http.TrailerPrefix + name
		}
		h[name] = append(h[name], field.Value)
	}
	return nil
}

// Tunnel answers 101 and takes the connection away from net/http.
func (s *stream) Tunnel(r *proxy.Response) (io.ReadWriteCloser, error) {
	if s.h2 {
		return nil, errNoUpgrade
	}
	head := switchingHead(r, s.x.Request.Upgrade)
	conn, buffered, err := s.rc.Hijack()
	if err != nil {
		return nil, fmt.Errorf("take the connection for a tunnel: %w", err)
	}
	if _, err := conn.Write(head); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("send 101: %w", err)
	}
	if err := s.conn.becomeTunnel(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("make a tunnel: %w", err)
	}
	s.tunnel = &clientTunnel{conn: s.conn, early: buffered.Reader, set: &s.server.tunnels}
	s.server.tunnels.add(s.tunnel)
	return s.tunnel, nil
}

// trailers returns the request's trailer fields.
func (s *stream) trailers() proxy.Fields {
	var f proxy.Fields
	s.names = appendFields(&f, s.r.Trailer, s.names, nil)
	return f
}
