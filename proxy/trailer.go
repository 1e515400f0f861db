package proxy

import "slices"

// isNoTrailer tells whether a field says something only in front of a body: what
// frames or routes a message, who sends it, and what its content is (RFC 9110,
// 6.5.1). Many servers put trailer fields among the header fields, where such a
// one would count as if weir had looked at it.
func isNoTrailer(name string) bool {
	if isHopByHop(name) || isOrigin(name) {
		return true
	}
	switch len(name) {
	case 4:
		return equalFold(name, "Host")
	case 6:
		return equalFold(name, "Expect") || equalFold(name, "Cookie")
	case 10:
		return equalFold(name, "Set-Cookie")
	case 12:
		return equalFold(name, "Content-Type") || equalFold(name, "Max-Forwards")
	case 13:
		return equalFold(name, "Authorization") || equalFold(name, "Content-Range")
	case 14:
		return equalFold(name, "Content-Length")
	case 16:
		return equalFold(name, "Content-Encoding")
	}
	return false
}

// cleanTrailers removes the fields that may not be trailers.
func cleanTrailers(f *Fields) {
	kept := f.list[:0]
	for _, field := range f.list {
		if !isNoTrailer(field.Name) {
			kept = append(kept, field)
		}
	}
	clear(f.list[len(kept):])
	f.list = kept
}

// guardTrailers has the peer codec see only such trailers of the request as may
// be some.
func (s *exchangeState) guardTrailers(x *Exchange) {
	r := &x.Request
	if r.Trailers == nil {
		return
	}
	if s.cleaned == nil {
		s.cleaned = s.requestTrailers // once, since this allocates
	}
	s.given, r.Trailers = r.Trailers, s.cleaned
	r.TrailerNames = slices.DeleteFunc(r.TrailerNames, isNoTrailer)
}

// requestTrailers is Request.Trailers as the peer codec sees it.
func (s *exchangeState) requestTrailers() Fields {
	f := s.given()
	cleanTrailers(&f)
	return f
}
