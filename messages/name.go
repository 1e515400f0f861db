package messages

// WantName says what ValidName accepts, for messages to people.
const WantName = "1 to 63 of A-Z a-z 0-9 _ -"

// ValidName tells whether text can be the name of an upstream, a route or a
// member: such names are tokens of NATS subjects and keys.
func ValidName(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return text != "" && len(text) <= 63
}
