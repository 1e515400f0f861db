package proxy

import (
	"strings"

	"github.com/weirproxy/weir/balance"
	"github.com/weirproxy/weir/messages"
)

// setKey gives the ask of x its hash key, when the upstream picks by one. The
// key is made of the request as the client sent it (less what an untrusted
// client says of its origin), before the route edits it. Values count as they
// stand, escapes and all, as nginx does it. What is missing or empty is no key:
// else all such requests would go to one peer.
func (u *Upstream) setKey(x *Exchange) {
	algo := &u.algo
	if algo.Kind != messages.Hash {
		return
	}
	key := hashText(x, algo)
	if ask := &x.core.ask; key != "" {
		ask.Key, ask.HasKey = balance.HashKey(key), true
	}
}

func hashText(x *Exchange, algo *messages.Algo) string {
	s, r := &x.core, &x.Request
	switch algo.Key {
	case messages.KeyIP:
		return s.trip.clientIP
	case messages.KeyPath:
		return r.Path
	case messages.KeyURL:
		if !r.HasQuery {
			return r.Path
		}
		mark := s.mark()
		s.put(r.Path, "?", r.Query)
		return s.cut(mark)
	case messages.KeyQuery:
		if algo.Name == "" {
			return r.Query
		}
		return queryValue(r.Query, algo.Name)
	case messages.KeyHeader:
		if equalFold(algo.Name, "Host") {
			return r.Authority
		}
		return r.Header.Get(algo.Name)
	case messages.KeyCookie:
		return cookieValue(&r.Header, algo.Name)
	}
	return ""
}

// queryValue returns the raw value of the first parameter of that name.
func queryValue(query, name string) string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

// cookieValue returns the value of the first cookie of that name, without quotes.
func cookieValue(h *Fields, name string) string {
	for i := range h.list {
		if !equalFold(h.list[i].Name, "Cookie") {
			continue
		}
		for rest := h.list[i].Value; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			if key, value, _ := strings.Cut(strings.Trim(pair, " \t"), "="); key == name {
				if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
					value = value[1 : len(value)-1]
				}
				return value
			}
		}
	}
	return ""
}
