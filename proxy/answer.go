package proxy

import (
	"strings"
	"unsafe"

	"github.com/weirproxy/weir/messages"
)

// answer is what a client gets for a code.
type answer struct {
	status     int
	message    string
	retryAfter string // seconds; empty = the header is not sent
}

// statusClientGone is what metrics and logs say of a request whose client went
// away before it got an answer. It is never sent.
const statusClientGone = 499

// answerTo is the one table of what weir answers. The message says nothing of
// peers, since it goes to strangers.
func answerTo(code messages.Code) answer {
	switch code {
	case messages.CodeBadRequest:
		return answer{status: 400, message: "the request is malformed"}
	case messages.CodeNoRoute:
		return answer{status: 404, message: "no route matches the request"}
	case messages.CodeClientSlow:
		return answer{status: 408, message: "the request did not arrive in time"}
	case messages.CodeBodyTooLarge:
		return answer{status: 413, message: "the request body is too large"}
	case messages.CodeRouteLimit:
		return answer{status: 429, message: "too many requests are under way on this route", retryAfter: "1"}
	case messages.CodeQueueFull:
		return answer{status: 429, message: "too many requests wait already", retryAfter: "1"}
	case messages.CodeNoUpstream:
		return answer{status: 503, message: "the upstream of this route is not defined", retryAfter: "5"}
	case messages.CodeNoPeer:
		return answer{status: 503, message: "no server is available", retryAfter: "5"}
	case messages.CodeQueueTimeout:
		return answer{status: 503, message: "no server became free in time", retryAfter: "1"}
	case messages.CodeConnectTimeout, messages.CodeHeadTimeout, messages.CodeReadTimeout,
		messages.CodeWriteTimeout, messages.CodeTimeout:
		return answer{status: 504, message: "the server did not answer in time"}
	case messages.CodeConnectRefused, messages.CodeConnectFailed, messages.CodeTLS:
		return answer{status: 502, message: "the server cannot be reached"}
	case messages.CodeReset, messages.CodeBadResponse, messages.CodeStatus, messages.CodeBody:
		return answer{status: 502, message: "the server gave no usable answer"}
	case messages.CodeConnLimit:
		return answer{status: 503, message: "too many connections are open already", retryAfter: "1"}
	case messages.CodeHostNotAllowed, messages.CodeAddressForbidden:
		return answer{status: 403, message: "requests to this host are not allowed"}
	case messages.CodeHostNotFound:
		return answer{status: 502, message: "the host does not exist"}
	case messages.CodeLookupFailed:
		return answer{status: 502, message: "the host cannot be looked up now", retryAfter: "1"}
	case messages.CodeLoop:
		return answer{status: 508, message: "the request goes round in a loop"}
	case messages.CodeClientGone:
		return answer{status: statusClientGone}
	}
	return answer{status: 500, message: "internal error"}
}

// refuse ends x for the reason code: by an answer, or by breaking the
// connection when it is too late for one or nobody is there to read it.
func (c *Core) refuse(x *Exchange, code messages.Code) {
	s := &x.core
	s.trip.code = code
	if s.trip.headStarted || code == messages.CodeClientGone {
		s.trip.aborted = true
		return
	}
	a := answerTo(code)
	if no := x.Refusal; no != nil && no.Code == code {
		a = answer{status: no.Status, message: no.Message}
	}
	x.Response.reset()
	if speaksGRPC(x) {
		c.refuseGRPC(x, string(code), a)
		return
	}
	r := &x.Response
	r.Status = a.status
	body := s.errorBody(x, code, a.message)
	if s.wantsJSON(x) {
		r.Header.Add("Content-Type", "application/json")
	} else {
		r.Header.Add("Content-Type", "text/plain; charset=utf-8")
	}
	r.Header.Add("X-Weir-Error", string(code))
	r.Header.Add("Cache-Control", "no-store")
	if a.retryAfter != "" {
		r.Header.Add("Retry-After", a.retryAfter)
	}
	c.sendOwn(x, body)
}

// sendOwn sends an answer of weir's: head and header are in x.Response.
func (c *Core) sendOwn(x *Exchange, body string) {
	s := &x.core
	s.trip.ownAnswer = true
	x.Response.ContentLength = int64(len(body))
	if c.sendHead(x) != fine || body == "" || x.Request.Method == "HEAD" {
		return
	}
	// Writers only read, so the string's own bytes will do.
	n, err := x.Client.Write(unsafe.Slice(unsafe.StringData(body), len(body)))
	s.trip.sent += int64(n)
	if err != nil {
		c.lose(x, err)
	}
}

// sendHead sends x.Response's head to the client.
func (c *Core) sendHead(x *Exchange) messages.Code {
	t := &x.core.trip
	t.headStarted = true
	err := x.Client.Head(&x.Response)
	noteWait(x)
	if err != nil {
		c.lose(x, err)
		return messages.CodeClientGone
	}
	t.status = x.Response.Status
	return fine
}

// lose notes that the client cannot be written to any more.
func (c *Core) lose(x *Exchange, err error) {
	t := &x.core.trip
	t.code, t.detail, t.aborted = messages.CodeClientGone, err, true
}

func (s *exchangeState) errorBody(x *Exchange, code messages.Code, message string) string {
	mark := s.mark()
	if s.wantsJSON(x) {
		s.put(`{"error":{"code":"`, string(code), `","message":"`, message, `"},"request_id":"`)
		s.putJSON(s.trip.requestID)
		s.put("\"}\n")
	} else {
		s.put(string(code), ": ", message, "\nrequest id: ", s.trip.requestID, "\n")
	}
	return s.cut(mark)
}

// putJSON puts text, which has visible ASCII bytes only, as inside of a JSON string.
func (s *exchangeState) putJSON(text string) {
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			s.scratch = append(s.scratch, '\\')
		}
		s.scratch = append(s.scratch, text[i])
	}
}

// wantsJSON tells whether Accept names application/json, whatever its weight
// unless that is nought.
func (s *exchangeState) wantsJSON(x *Exchange) bool {
	h := &x.Request.Header
	for i := range h.list {
		if !equalFold(h.list[i].Name, "Accept") {
			continue
		}
		for list := h.list[i].Value; list != ""; {
			var item string
			item, list = nextItem(list)
			kind, params, _ := strings.Cut(item, ";")
			if equalFold(strings.Trim(kind, " \t"), "application/json") && !isNought(params) {
				return true
			}
		}
	}
	return false
}

// isNought tells whether the weight among params is 0 (RFC 9110, 12.4.2).
func isNought(params string) bool {
	for params != "" {
		var param string
		param, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
		if equalFold(name, "q") && strings.Trim(value, "0.") == "" {
			return true
		}
	}
	return false
}
