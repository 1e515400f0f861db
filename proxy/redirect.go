package proxy

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// redirect is a route's answer without an upstream: a status and the parts
// that make up its Location.
type redirect struct {
	status int
	to     []locationPart // nil = off
}

// locationPart is literal text, or a piece of the request when what is set.
type locationPart struct {
	text string
	what placeholder
}

type placeholder int

const (
	literal placeholder = iota
	placeHost
	placePath
	placeQuery
	placeURI
)

// placeholders are what a Location may hold. {host} is without the port.
//
//nolint:gochecknoglobals // a table that nobody writes; Go has no constant arrays
var placeholders = [...]struct {
	text string
	what placeholder
}{{"{host}", placeHost}, {"{path}", placePath}, {"{query}", placeQuery}, {"{uri}", placeURI}}

// setRedirect reads the redirect of a route. Status 0 means 302.
func (r *route) setRedirect(spec *messages.RouteSpec) error {
	if spec.Redirect.To == "" {
		return nil
	}
	if spec.Upstream != "" {
		return fmt.Errorf("redirect: the route also names the upstream %q; want one of them", spec.Upstream)
	}
	switch r.redirect.status = spec.Redirect.Status; r.redirect.status {
	case 0:
		r.redirect.status = 302
	case 301, 302, 303, 307, 308:
	default:
		return fmt.Errorf("redirect: status %d, want 301, 302, 303, 307 or 308", spec.Redirect.Status)
	}
	if !every(spec.Redirect.To, isFieldByte) || strings.Contains(spec.Redirect.To, " ") {
		return fmt.Errorf("redirect: %q has a space or a control byte", spec.Redirect.To)
	}
	r.redirect.to = parseLocation(spec.Redirect.To)
	return nil
}

func parseLocation(to string) []locationPart {
	var parts []locationPart
	for to != "" {
		at, found := len(to), -1
		for i, p := range placeholders {
			if n := strings.Index(to, p.text); n >= 0 && n < at {
				at, found = n, i
			}
		}
		if at > 0 {
			parts = append(parts, locationPart{text: to[:at]})
		}
		if found < 0 {
			break
		}
		parts = append(parts, locationPart{what: placeholders[found].what})
		to = to[at+len(placeholders[found].text):]
	}
	return parts
}

// redirect answers x with a Location. The path in it has no doubled slashes,
// so that "//evil.example" cannot become a host.
func (c *Core) redirect(x *Exchange, rule *redirect) messages.Code {
	s := &x.core
	mark := s.mark()
	for _, part := range rule.to {
		switch part.what {
		case literal:
			s.put(part.text)
		case placeHost:
			if s.trip.host == "" {
				return messages.CodeBadRequest
			}
			s.putHost(s.trip.host)
		case placePath:
			s.put(s.trip.path)
		case placeQuery:
			s.put(x.Request.Query)
		case placeURI:
			s.put(s.trip.path)
			if x.Request.HasQuery {
				s.put("?", x.Request.Query)
			}
		}
	}
	location := s.cut(mark)
	x.Response.reset()
	x.Response.Status = rule.status
	x.Response.Header.Add("Location", location)
	c.sendOwn(x, "")
	return fine
}

// putHost puts a host as it stands in a URI.
func (s *exchangeState) putHost(host string) {
	if strings.IndexByte(host, ':') >= 0 {
		s.put("[", host, "]")
		return
	}
	s.put(host)
}
