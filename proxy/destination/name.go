package destination

import "strings"

// The longest name and the longest label of DNS in text form, in bytes (RFC 1035, 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// parseName checks a name and returns it in lower case, without the dot at its
// end. Letters, digits, hyphens within labels (RFC 1123, 2.1) and underscores,
// which DNS allows and people use, are all there is.
func parseName(text string) (name, fault string) {
	name = strings.TrimSuffix(text, ".")
	switch {
	case name == "":
		return "", "has no host"
	case len(name) > maxName:
		return "", "is longer than 253 bytes"
	case endsInNumber(name):
		return "", "ends in a number, as no name does"
	}
	upper := false
	for i, start := 0, 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			if fault = labelFault(name[start:i]); fault != "" {
				return "", fault
			}
			start = i + 1
			continue
		}
		c := name[i]
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return "", nameByteFault(c)
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if upper {
		name = strings.ToLower(name)
	}
	return name, ""
}

func labelFault(label string) string {
	switch {
	case label == "":
		return "has an empty label"
	case len(label) > maxLabel:
		return "has a label longer than 63 bytes"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "has a label that begins or ends with a hyphen"
	}
	return ""
}

func nameByteFault(c byte) string {
	if c >= 0x80 {
		return "has bytes beyond ASCII; an international name is written as xn--"
	}
	return "has a byte that no host name has"
}

// endsInNumber tells whether the last label of a host is one that a program may
// take for a number: digits alone, or anything that begins with 0x. After "ends in
// a number" of the URL standard (WHATWG), which makes IPv4 addresses of such hosts.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if len(last) >= 2 && last[0] == '0' && last[1]|0x20 == 'x' {
		return true
	}
	for i := range len(last) {
		if !isDigit(last[i]) {
			return false
		}
	}
	return last != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
