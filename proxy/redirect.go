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
	// toTLS: the route also has an upstream, for those who come by TLS already.
	toTLS bool
	// stays: it leads to the same place by TLS; who is there would go in a circle.
	stays bool
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
	to := spec.Redirect.To
	if r.redirect.toTLS = spec.Upstream != ""; r.redirect.toTLS && !strings.HasPrefix(to, "https://") {
		return fmt.Errorf("redirect: the route also names the upstream %q; want one of them, or a redirect to https", spec.Upstream)
	}
	r.redirect.stays = staysInPlace(to)
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

// staysInPlace tells whether to is the same host and path by TLS.
func staysInPlace(to string) bool {
	rest, ok := strings.CutPrefix(to, "https://{host}")
	rest = strings.TrimLeft(rest, ":0123456789")
	return ok && (rest == "{uri}" || rest == "{path}" || rest == "{path}?{query}")
}

// leaves decides what a redirect does with x: it answers, or lets a request that
// came by TLS on to the upstream of its route. The code is one for who would go
// in a circle.
func (rule *redirect) leaves(x *Exchange) (answers bool, code messages.Code) {
	switch {
	case rule.to == nil:
		return false, fine
	case rule.toTLS:
		return !cameByTLS(x), fine
	case rule.stays && cameByTLS(x):
		return false, messages.CodeNoRoute
	}
	return true, fine
}

// cameByTLS tells whether the client used TLS, with us or with a trusted proxy.
func cameByTLS(x *Exchange) bool {
	if x.Request.Scheme == "https" || !x.core.trip.trusted {
		return x.Request.Scheme == "https"
	}
	nearest, _, _ := strings.Cut(x.Request.Header.Get("X-Forwarded-Proto"), ",")
	return equalFold(strings.Trim(nearest, " \t"), "https")
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
