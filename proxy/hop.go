package proxy

import "strings"

// isHopByHop tells whether a field speaks of one connection only (RFC 9110,
// 7.6.1), or of the framing, which codecs do anew. The credentials for a proxy
// are among them: weir asks for none, and the peer is not meant.
func isHopByHop(name string) bool {
	switch len(name) {
	case 2:
		return equalFold(name, "TE")
	case 7:
		return equalFold(name, "Upgrade") || equalFold(name, "Trailer")
	case 10:
		return equalFold(name, "Connection") || equalFold(name, "Keep-Alive")
	case 14:
		return equalFold(name, "HTTP2-Settings")
	case 16:
		return equalFold(name, "Proxy-Connection")
	case 17:
		return equalFold(name, "Transfer-Encoding")
	case 18:
		return equalFold(name, "Proxy-Authenticate")
	case 19:
		return equalFold(name, "Proxy-Authorization")
	case 25:
		return equalFold(name, "Proxy-Authentication-Info")
	}
	return false
}

// dropHopByHop removes the hop-by-hop fields and those that Connection names.
// Of TE it keeps what is said of trailers, which gRPC asks for.
func dropHopByHop(f *Fields) {
	nominates, trailers := f.Has("Connection"), false
	kept := f.list[:0]
	// While the list is moved together every Connection field can still be
	// found in it: those before the present one stay where they are kept.
	for _, field := range f.list {
		if !equalFold(field.Name, "Connection") && nominates && isNominated(f, field.Name) {
			continue
		}
		kept = append(kept, field)
	}
	clear(f.list[len(kept):])
	f.list, kept = kept, kept[:0]
	for _, field := range f.list {
		if !isHopByHop(field.Name) {
			kept = append(kept, field)
		} else if len(field.Name) == 2 {
			trailers = trailers || hasItem(field.Value, "trailers")
		}
	}
	clear(f.list[len(kept):])
	f.list = kept
	if trailers {
		f.Add("TE", "trailers")
	}
}

// isNominated tells whether Connection names the field, so that it goes no
// further. Fields that tell where a request comes from stay: a client must not
// be able to take away what a proxy in front of weir said.
func isNominated(f *Fields, name string) bool {
	if isOrigin(name) || equalFold(name, "TE") {
		return false
	}
	for i := range f.list {
		if equalFold(f.list[i].Name, "Connection") && hasItem(f.list[i].Value, name) {
			return true
		}
	}
	return false
}

// nextItem cuts the first item off a comma list.
func nextItem(list string) (item, rest string) {
	item, rest, _ = strings.Cut(list, ",")
	return strings.Trim(item, " \t"), rest
}

// hasItem tells whether a comma list has the item, without regard to case.
func hasItem(list, want string) bool {
	for list != "" {
		var item string
		if item, list = nextItem(list); equalFold(item, want) {
			return true
		}
	}
	return false
}

// cleanUpgrade forgets an Upgrade that weir does not pass on: that of a client
// whose protocol has none (RFC 9110, 7.8), and the changes of HTTP or TLS
// itself, which would take the connection out of weir's sight.
func cleanUpgrade(r *Request) {
	if r.Upgrade == "" {
		return
	}
	if r.Proto != "HTTP/1.1" {
		r.Upgrade = ""
		return
	}
	for list := r.Upgrade; list != ""; {
		var name string
		name, list = nextItem(list)
		name, _, _ = strings.Cut(name, "/")
		if equalFold(name, "h2c") || equalFold(name, "h2") || equalFold(name, "HTTP") || equalFold(name, "TLS") {
			r.Upgrade = ""
			return
		}
	}
}

// keepUpgrade readies the header of a 101, in which Upgrade stays.
func keepUpgrade(f *Fields) {
	protocol := f.Get("Upgrade")
	dropHopByHop(f)
	f.Add("Connection", "Upgrade")
	f.Add("Upgrade", protocol)
}
