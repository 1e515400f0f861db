package nethttp

import "errors"

// chunkScanner follows a chunked body to its end (RFC 9112, 7.1), so that it is
// known where the next request begins. It refuses what net/http might read in
// another way. The zero chunkScanner is at the start of a body.
type chunkScanner struct {
	state chunkState
	left  int64 // of the chunk
	line  int   // bytes of the line so far
	spare int   // bytes of trailer fields so far
	field []byte
}

type chunkState int

const (
	chunkSize      chunkState = iota // digits of the length
	chunkExt                         // after the ";"
	chunkSizeEnd                     // LF
	chunkData                        // the data
	chunkDataCR                      // CR after the data
	chunkDataLF                      // LF after the data
	chunkTrailer                     // trailer fields
	chunkTrailerLF                   // LF after a trailer field
)

const (
	// maxSizeLine bounds a line with the length of a chunk, maxSizeDigits its digits.
	maxSizeLine, maxSizeDigits = 256, 15
	// maxTrailerBytes bounds all trailer fields; net/http takes no more either.
	maxTrailerBytes = 3 << 10
)

var (
	errBadChunk   = errors.New("the body is not made of chunks")
	errBadTrailer = errors.New("the trailer fields are malformed or too long")
)

// scan follows p. It returns how many bytes of p belong to the body, and whether
// the body ends there. With an error, the byte at used is the one that is wrong.
func (s *chunkScanner) scan(p []byte) (used int, end bool, err error) {
	for used < len(p) {
		if s.state == chunkData {
			n := min(s.left, int64(len(p)-used))
			used += int(n)
			if s.left -= n; s.left == 0 {
				s.state = chunkDataCR
			}
			continue
		}
		if end, err = s.step(p[used]); err != nil {
			return used, false, err
		}
		used++
		if end {
			return used, true, nil
		}
	}
	return used, false, nil
}

// step takes a byte that is no data.
func (s *chunkScanner) step(c byte) (end bool, err error) {
	switch s.state {
	case chunkSize, chunkExt, chunkSizeEnd:
		return false, s.sizeLine(c)
	case chunkDataCR:
		s.state = chunkDataLF
		return false, want(c, '\r')
	case chunkDataLF:
		s.state, s.line = chunkSize, 0
		return false, want(c, '\n')
	case chunkTrailer, chunkTrailerLF:
		return s.trailer(c)
	case chunkData:
	}
	return false, errBadChunk
}

// sizeLine reads the line with the length of a chunk.
func (s *chunkScanner) sizeLine(c byte) error {
	if s.line++; s.line > maxSizeLine {
		return errBadChunk
	}
	switch {
	case s.state == chunkSizeEnd:
		s.state, s.line = chunkData, 0
		if s.left == 0 {
			s.state = chunkTrailer
		}
		return want(c, '\n')
	case c == '\r' && s.line > 1:
		s.state = chunkSizeEnd
	case s.state == chunkExt:
		if !isValueByte(c) {
			return errBadChunk
		}
	case c == ';' && s.line > 1:
		s.state = chunkExt
	case isHex(c) && s.line <= maxSizeDigits:
		s.left = s.left<<4 | int64(hexValue(c))
	default:
		return errBadChunk
	}
	return nil
}

// trailer collects the trailer fields, and checks each when its line is whole.
func (s *chunkScanner) trailer(c byte) (end bool, err error) {
	if s.spare++; s.spare > maxTrailerBytes {
		return false, errBadTrailer
	}
	if s.state == chunkTrailer {
		if c == '\r' {
			s.state = chunkTrailerLF
		} else {
			s.field = append(s.field, c)
		}
		return false, nil
	}
	if s.state = chunkTrailer; c != '\n' {
		return false, errBadTrailer
	}
	if len(s.field) == 0 {
		return true, nil
	}
	if _, _, no := splitField(s.field); no != nil {
		return false, errBadTrailer
	}
	s.field = s.field[:0]
	return false, nil
}

func want(c, wanted byte) error {
	if c != wanted {
		return errBadChunk
	}
	return nil
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
