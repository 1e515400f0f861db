package nethttp

import (
	"context"
	"net/http"
	"strings"

	"github.com/weirproxy/weir/proxy"
)

// begin makes an exchange of a request. It returns a refusal when the request
// is not one for the core.
func (s *stream) begin(w http.ResponseWriter, r *http.Request) *refusal {
	s.w, s.r, s.rc = w, r, http.NewResponseController(w)
	s.conn = r.Context().Value(clientConnKey{}).(*clientConn)
	s.ctx, s.h2 = r.Context(), r.ProtoMajor == 2
	s.x.Listener, s.x.Client = s.server.cfg.Listener, s
	s.x.Remote, s.x.RemoteText, s.x.Local = s.conn.remote, s.conn.remoteText, s.conn.local
	if no := s.conn.in.refused; no != nil && !s.h2 && r.Method == refusedMethod && r.RequestURI == "*" {
		return no
	}
	req := &s.x.Request
	path, query, hasQuery, ok := splitTarget(r.Method, r.RequestURI)
	if !ok {
		return &refusal{http.StatusBadRequest, "has a target that is not forwarded; send a path"}
	}
	if no := s.checkFields(r); no != nil {
		return no
	}
	if s.conn.misdirected(r.Host) {
		return &refusal{http.StatusMisdirectedRequest, "is for another host than the one that TLS was asked for; make a connection for this host"}
	}
	req.Method, req.Scheme, req.Authority, req.Proto = r.Method, "http", r.Host, r.Proto
	if s.conn.wire != nil {
		req.Scheme = "https"
	}
	req.Path, req.Query, req.HasQuery = path, query, hasQuery
	s.names = appendFields(&req.Header, r.Header, s.names, framing)
	req.Upgrade = upgradeToken(r)
	s.takeBody(r, req)
	s.x.Done = s.ctx.Done()
	if s.h2 && len(r.Header["Content-Length"]) > 0 && r.ContentLength == 0 {
		return s.awaitNothing()
	}
	return nil
}

func (s *stream) checkFields(r *http.Request) *refusal {
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if limit := s.server.cfg.MaxFields; limit > 0 && fields > limit {
		return &refusal{http.StatusRequestHeaderFieldsTooLarge, "has too many header fields"}
	}
	if s.h2 {
		return checkHTTP2(r, s.conn.wire != nil)
	}
	return nil
}

// takeBody sets the body up, if there is one.
func (s *stream) takeBody(r *http.Request, req *proxy.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	// Without full duplex net/http reads the rest of the body before it sends a
	// response, while the peer codec reads it too.
	_ = s.rc.EnableFullDuplex() // always there, on HTTP/1 and on HTTP/2
	req.Expect = r.ProtoAtLeast(1, 1) && hasToken(r.Header["Expect"], "100-continue")
	s.body.start(s.rc, r.Body, &s.server.cfg, req.Expect, r.ContentLength)
	s.body.strict = s.h2 // over HTTP/1.1 what is more is the next request
	if isGRPC(r) {
		s.body.anyRate()
	}
	req.Body, req.ContentLength = &s.body, r.ContentLength
	req.Trailers, req.TrailerNames = s.trailersFunc, announcedNames(r.Trailer)
	s.detachContext(r)
}

// isGRPC tells whether r is a call of gRPC (PROTOCOL-HTTP2.md of gRPC). In one the
// client may be silent for long before the server has anything to say.
func isGRPC(r *http.Request) bool {
	const name = "application/grpc"
	kinds := r.Header["Content-Type"]
	if r.ProtoMajor != 2 || len(kinds) == 0 || len(kinds[0]) < len(name) || !strings.EqualFold(kinds[0][:len(name)], name) {
		return false
	}
	return len(kinds[0]) == len(name) || strings.IndexByte("+; \t", kinds[0][len(name)]) >= 0
}

// detachContext makes a context that ends with the request's, but not when that
// ends because a read of the body was given up here, or what came was no body:
// net/http takes any read error for the client's end, yet the client can still
// be answered.
func (s *stream) detachContext(r *http.Request) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	body, conn := &s.body, s.conn
	stop := context.AfterFunc(r.Context(), func() {
		if !body.givenUp() && !conn.in.malformed.Load() {
			cancel()
		}
	})
	s.ctx, s.leave = ctx, func() { stop(); cancel() }
}

// upgradeToken returns the protocol that an HTTP/1.1 request wants to change to.
// An offer of h2c is ignored, as RFC 9110, 7.8 allows: passed on, it would let
// a client speak HTTP/2 to the peer past every rule for requests.
func upgradeToken(r *http.Request) string {
	upgrade := r.Header["Upgrade"]
	if len(upgrade) == 0 || r.ProtoMajor != 1 || !r.ProtoAtLeast(1, 1) || !hasToken(r.Header["Connection"], "upgrade") || hasToken(upgrade, "h2c") {
		return ""
	}
	return strings.Join(upgrade, ", ")
}
