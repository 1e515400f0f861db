package notifier

// healthSubject is where the flips of a peer go.
func healthSubject(prefix, upstream, peer string) string {
	return prefix + ".evt.health." + nameToken(upstream) + "." + peerToken(peer)
}

// upstreamSubject is where the changes of an upstream go.
func upstreamSubject(prefix, upstream string) string {
	return prefix + ".evt.upstream." + nameToken(upstream)
}

// discoverySubject is where the changes of an upstream's discovery go.
func discoverySubject(prefix, upstream string) string {
	return prefix + ".evt.discovery." + nameToken(upstream)
}

// actorSubject is where the crashes and restarts of an actor go.
func actorSubject(prefix, actor string) string {
	return prefix + ".evt.actor." + actorToken(actor)
}

// configSubject is where the changes of a piece of configuration go.
func configSubject(prefix, kind, name string) string {
	return prefix + ".evt.config." + short(nameToken(kind)) + "." + short(nameToken(name))
}

// certSubject is where the changes of a certificate go.
func certSubject(prefix, file string) string {
	return prefix + ".evt.cert." + short(nameToken(file))
}

// outboxSubject is where it is told what the outbox lost. It is a subject of its
// own, so that it hides no crash from who reads the last event of each subject.
func outboxSubject(prefix string) string { return prefix + ".evt.actor.outbox" }

// maxToken bounds tokens of names that nobody bounds: a client whose line with
// the subject has more than 4096 bytes is cut off by the server.
const maxToken = 255

// short makes a long token short: its beginning, "==", which is in no token, and
// a hash of all of it.
func short(token string) string {
	if len(token) <= maxToken {
		return token
	}
	return token[:maxToken-2-32] + "==" + hashID(token)
}

// nameToken makes one token of the name of an upstream: letters, digits, '-'
// and '_' stay, which is all that valid names have; any other byte becomes =XX.
func nameToken(name string) string {
	return token(name, func(b byte) byte {
		if b == '_' {
			return b
		}
		return 0
	})
}

// peerToken makes one token of a peer's address: '.' becomes '_', ':' becomes
// '/', letters, digits and '-' stay, any other byte becomes =XX.
func peerToken(addr string) string {
	return token(addr, func(b byte) byte {
		switch b {
		case '.':
			return '_'
		case ':':
			return '/'
		}
		return 0
	})
}

// actorToken makes one token of an actor's path: letters, digits, '-', '_' and
// '/' stay, any other byte becomes =XX.
func actorToken(path string) string {
	return token(path, func(b byte) byte {
		if b == '_' || b == '/' {
			return b
		}
		return 0
	})
}

// token makes one subject token of s. Letters, digits and '-' stay, other bytes
// become what special says, or =XX (the byte in hexadecimal) where it says 0.
// An empty s makes "=", since an empty token is not allowed. Where special never
// gives two bytes the same sign, different s make different tokens.
func token(s string, special func(byte) byte) string {
	const hex = "0123456789ABCDEF"
	if s == "" {
		return "="
	}
	out := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		b := s[i]
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-':
			out = append(out, b)
		case special(b) != 0:
			out = append(out, special(b))
		default:
			out = append(out, '=', hex[b>>4], hex[b&15])
		}
	}
	return string(out)
}
