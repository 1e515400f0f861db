package config

import "strings"

// maxName is the longest name, in bytes.
const maxName = 63

const wantName = "1 to 63 of A-Z a-z 0-9 _ -"

func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-'
}

// isName tells whether text is a name of an upstream, a route or a member:
// such names are tokens of NATS subjects.
func isName(text string) bool {
	return text != "" && len(text) <= maxName && !strings.ContainsFunc(text, func(r rune) bool { return !isNameRune(r) })
}

// name returns a name.
func name(v item) (string, bool) {
	s, ok := v.scalar("a name")
	if ok && !isName(s.text) {
		v.faultf("want a name (%s), not %s", wantName, quote(s.text))
		return "", false
	}
	return s.text, ok
}
