package nethttp

// byteClasses says of each byte what it may be part of.
//
//nolint:gochecknoglobals // a table that nobody writes
var byteClasses = makeByteClasses()

const (
	tokenByte  = 1 << iota // of names and methods (RFC 9110, 5.6.2)
	valueByte              // of field values (RFC 9110, 5.5)
	targetByte             // of request targets: no blank, no control byte
	hostByte               // of names of hosts (RFC 3986, 3.2.2)
	digitByte
	hexByte
)

func makeByteClasses() (classes [256]byte) {
	mark := func(class byte, text string) {
		for i := range len(text) {
			classes[text[i]] |= class
		}
	}
	for c := range 256 {
		if c >= ' ' && c != 0x7f || c == '\t' {
			classes[c] |= valueByte
		}
		if c > ' ' && c != 0x7f {
			classes[c] |= targetByte
		}
	}
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mark(tokenByte, digits+letters+"!#$%&'*+-.^_`|~")
	mark(hostByte, digits+letters+"-._~%!$&'()*+,;=")
	mark(digitByte, digits)
	mark(hexByte, digits+"abcdefABCDEF")
	return classes
}

func isTokenByte(c byte) bool  { return byteClasses[c]&tokenByte != 0 }
func isValueByte(c byte) bool  { return byteClasses[c]&valueByte != 0 }
func isTargetByte(c byte) bool { return byteClasses[c]&targetByte != 0 }
func isHostByte(c byte) bool   { return byteClasses[c]&hostByte != 0 }
func isDigit(c byte) bool      { return byteClasses[c]&digitByte != 0 }
func isHex(c byte) bool        { return byteClasses[c]&hexByte != 0 }

// all tells whether each byte of text is of a kind.
func all(text []byte, is func(byte) bool) bool {
	for _, c := range text {
		if !is(c) {
			return false
		}
	}
	return true
}

// isName compares text with a name in lower case, without regard to case.
func isName(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
