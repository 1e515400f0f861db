package proxy

import (
	"strconv"
	"strings"
	"time"
)

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
	if tooLate(x) {
		r.Header.Add("Grpc-Status", "4") // deadline exceeded
	} else {
		r.Header.Add("Grpc-Status", grpcStatus(a.status))
	}
	mark := s.mark()
	s.put(code, ": ", a.message)
	r.Header.Add("Grpc-Message", s.cut(mark))
	r.Header.Add("X-Weir-Error", code)
	c.sendOwn(x, "")
	s.trip.status = a.status
}

// tooLate tells whether the time is over that a client of gRPC gives its call. Its
// peer knows that time, too, and then resets the stream, as the client does: that is
// nobody's fault.
func tooLate(x *Exchange) bool {
	if !speaksGRPC(x) {
		return false
	}
	patience, ok := grpcTimeout(x.Request.Header.Get("Grpc-Timeout"))
	return ok && time.Since(x.core.trip.start) >= patience
}

// grpcTimeout reads a Grpc-Timeout: up to eight digits and a unit (PROTOCOL-HTTP2.md
// of gRPC).
func grpcTimeout(text string) (d time.Duration, ok bool) {
	const mostDigits = 8
	units := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': 1}
	end := len(text) - 1
	if end < 1 || end > mostDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:end], 10, 64)
	unit := units[text[end]]
	if err != nil || unit == 0 {
		return 0, false
	}
	return time.Duration(min(n, uint64((1<<63-1)/unit))) * unit, true
}
