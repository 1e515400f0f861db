package proxy

import "strings"

// speaksGRPC tells whether the client awaits an answer of gRPC: it asks over
// HTTP/2 with a content type of that name (PROTOCOL-HTTP2.md of gRPC).
func speaksGRPC(x *Exchange) bool {
	const name = "application/grpc"
	if x.Request.Proto != "HTTP/2.0" {
		return false
	}
	h := &x.Request.Header
	for i := range h.list {
		if equalFold(h.list[i].Name, "Content-Type") {
			kind := h.list[i].Value
			return len(kind) >= len(name) && equalFold(kind[:len(name)], name) && (len(kind) == len(name) || strings.IndexByte("+; \t", kind[len(name)]) >= 0)
		}
	}
	return false
}

// grpcStatus is what gRPC calls a status of HTTP (http-grpc-status-mapping.md of
// gRPC; of 413 that says nothing).
func grpcStatus(status int) string {
	switch status {
	case 400:
		return "13" // internal
	case 401:
		return "16" // unauthenticated
	case 403:
		return "7" // permission denied
	case 404:
		return "12" // unimplemented
	case 413:
		return "8" // resource exhausted
	case 429, 502, 503, 504:
		return "14" // unavailable
	}
	return "2" // unknown
}

// refuseGRPC is refuse for clients of gRPC, which look for their own status: an
// answer of trailers only, whose status of HTTP is 200. Metrics and logs have
// that of a.
func (c *Core) refuseGRPC(x *Exchange, code string, a answer) {
	s, r := &x.core, &x.Response
	r.Status = 200
	r.Header.Add("Content-Type", "application/grpc")
	r.Header.Add("Grpc-Status", grpcStatus(a.status))
	mark := s.mark()
	s.put(code, ": ", a.message)
	r.Header.Add("Grpc-Message", s.cut(mark))
	r.Header.Add("X-Weir-Error", code)
	c.sendOwn(x, "")
	s.trip.status = a.status
}
