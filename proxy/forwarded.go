package proxy

import (
	"net/netip"
	"strings"
)

// identify finds out who the client is and gives the request its id. What the
// request says of its origin counts when the connection comes from a trusted
// proxy and is removed when not. Hop-by-hop fields go, too.
func (c *Core) identify(x *Exchange) {
	s, h := &x.core, &x.Request.Header
	t := &s.trip
	dropHopByHop(h)
	cleanUpgrade(&x.Request)
	t.trusted = isTrusted(x.Listener.Trusted, x.Remote.Addr())
	dropOrigins(h, t.trusted)
	t.clientIP = x.RemoteText
	if t.clientIP == "" {
		t.clientIP = s.textOf(x.Remote.Addr())
		x.RemoteText = t.clientIP
	}
	if t.trusted {
		t.clientIP = s.clientBehind(x)
		t.requestID = h.Get("X-Request-Id")
	}
	if !saneID(t.requestID) {
		t.requestID = s.newRequestID()
	}
	h.Set("X-Request-Id", t.requestID)
}

// isTrusted tells whether addr is one of the trusted proxies.
func isTrusted(trusted []netip.Prefix, addr netip.Addr) bool {
	if len(trusted) == 0 {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// isOrigin tells whether a field speaks of where a request comes from. Names
// in which "_" stands for "-" are among them: many servers read both the same.
func isOrigin(name string) bool {
	const family = "X-Forwarded-"
	switch len(name) {
	case 9:
		return alike(name, "Forwarded") || alike(name, "X-Real-Ip")
	case 12:
		return alike(name, "X-Request-Id")
	}
	return len(name) > len(family) && alike(name[:len(family)], family)
}

// alike compares names and takes "_" for "-".
func alike(name, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c == '_' {
			c = '-'
		}
		if c != want[i] && (c|0x20 != want[i]|0x20 || !isLetter(c)) {
			return false
		}
	}
	return true
}

// dropOrigins removes the fields of origin; from a trusted proxy it takes only
// those that are spelled right.
func dropOrigins(h *Fields, trusted bool) {
	kept := h.list[:0]
	for _, f := range h.list {
		if isOrigin(f.Name) && (!trusted || strings.IndexByte(f.Name, '_') >= 0) {
			continue
		}
		kept = append(kept, f)
	}
	clear(h.list[len(kept):])
	h.list = kept
}

// clientBehind returns the rightmost address of X-Forwarded-For that is not a
// trusted proxy's: the nearest that somebody trusted has seen. If all are, it
// is the leftmost; what cannot be read ends the search.
func (s *exchangeState) clientBehind(x *Exchange) string {
	found, client := false, netip.Addr{}
	h := &x.Request.Header
	for i := h.Len() - 1; i >= 0; i-- {
		if !equalFold(h.list[i].Name, "X-Forwarded-For") {
			continue
		}
		for list, more := h.list[i].Value, true; more; {
			var item string
			item, list, more = lastItem(list)
			if item == "" {
				continue
			}
			addr, ok := parseHop(item)
			if ok {
				found, client = true, addr
			}
			if !isTrusted(x.Listener.Trusted, addr) { // an address that is none is nobody's
				return s.clientText(found, client, x)
			}
		}
	}
	return s.clientText(found, client, x)
}

func (s *exchangeState) clientText(found bool, client netip.Addr, x *Exchange) string {
	if !found {
		return x.RemoteText
	}
	return s.textOf(client)
}

// textOf prints an address without zone, v4 in v6 as v4.
func (s *exchangeState) textOf(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	mark := s.mark()
	s.scratch = addr.Unmap().WithZone("").AppendTo(s.scratch)
	return s.cut(mark)
}

// lastItem cuts the last item off a comma list; more tells that there are others.
func lastItem(list string) (item, rest string, more bool) {
	comma := strings.LastIndexByte(list, ',')
	if comma >= 0 {
		rest, more = list[:comma], true
	}
	return strings.Trim(list[comma+1:], " \t"), rest, more
}

// parseHop reads an address of X-Forwarded-For; some proxies add the port.
func parseHop(text string) (netip.Addr, bool) {
	if len(text) > 64 {
		return netip.Addr{}, false
	}
	if text[0] == '[' {
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return netip.Addr{}, false
		}
		text = text[1:end]
	} else if colon := strings.IndexByte(text, ':'); colon >= 0 && strings.IndexByte(text, '.') < colon &&
		strings.Count(text, ":") == 1 {
		text = text[:colon]
	}
	addr, err := netip.ParseAddr(text)
	return addr, err == nil
}

// setForwarded tells the peer where the request comes from.
func setForwarded(x *Exchange) {
	s, h := &x.core, &x.Request.Header
	from := x.RemoteText
	s.appendTo(h, "X-Forwarded-For", from)
	authority := x.Request.Authority
	setUnlessSane(h, "X-Forwarded-Proto", x.Request.Scheme)
	setUnlessSane(h, "X-Forwarded-Host", authority)
	setUnlessSane(h, "X-Forwarded-Port", x.Listener.Port)
	if x.Listener.Forwarded {
		s.appendTo(h, "Forwarded", s.forwardedElement(from, authority, x.Request.Scheme))
	}
}

// appendTo adds an item to the comma list in a field; several fields become one.
func (s *exchangeState) appendTo(h *Fields, name, item string) {
	if item == "" {
		return
	}
	if !h.Has(name) {
		h.Add(name, item)
		return
	}
	mark := s.mark()
	for i := range h.list {
		if equalFold(h.list[i].Name, name) && h.list[i].Value != "" {
			s.put(h.list[i].Value, ", ")
		}
	}
	s.put(item)
	h.Set(name, s.cut(mark))
}

// setUnlessSane keeps the first value that a trusted proxy gave, if it has one.
func setUnlessSane(h *Fields, name, value string) {
	if given := h.Get(name); given != "" && every(given, isVisible) {
		value = given
	}
	if value == "" {
		h.Del(name)
		return
	}
	h.Set(name, value)
}

// forwardedElement builds an element of the Forwarded header (RFC 7239, 4).
// Addresses of IPv6 and hosts with a port are no tokens and come in quotes.
func (s *exchangeState) forwardedElement(from, host, scheme string) string {
	mark := s.mark()
	switch {
	case from == "":
		s.put("for=unknown")
	case strings.IndexByte(from, ':') >= 0:
		s.put(`for="[`, from, `]"`)
	default:
		s.put("for=", from)
	}
	if host != "" {
		if every(host, isTokenByte) {
			s.put(";host=", host)
		} else {
			s.put(`;host="`, host, `"`)
		}
	}
	if scheme != "" {
		s.put(";proto=", scheme)
	}
	return s.cut(mark)
}

func isVisible(c byte) bool { return c > ' ' && c < 0x7f }
