package nethttp

import "encoding/binary"

// frame is what a frame of HTTP/2 says before its payload (RFC 9113, 4.1).
type frame struct {
	length      int
	kind, flags byte
	stream      uint32
	code        uint32 // of a RST_STREAM; the increment of a WINDOW_UPDATE; the last stream of a GOAWAY
}

// The kinds of frames, the flags and the errors that matter here (RFC 9113, 6 and 7).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	frameGoAway       = 0x7
	frameWindow       = 0x8
	frameContinuation = 0x9

	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	errorNone          = 0x0
	errorInternal      = 0x2
	errorRefused       = 0x7
	errorCancel        = 0x8
	errorEnhanceCalm   = 0xb
	frameHeadBytes     = 9
	codeBytes          = 4
	maxPaddingBytes    = 256 // the length of the padding among them
	streamNumberBits   = 1<<31 - 1
	frameReadBufferLen = 4 << 10
)

// isEmpty tells whether a DATA frame carries nothing, or perhaps only padding,
// and does not end its stream.
func (f frame) isEmpty() bool {
	return f.flags&flagEndStream == 0 && (f.length == 0 || f.flags&flagPadded != 0 && f.length <= maxPaddingBytes)
}

// frameScanner finds the frames in bytes that come in parts. The zero
// frameScanner is in front of a frame.
type frameScanner struct {
	head [frameHeadBytes + codeBytes]byte
	have int // bytes of head
	skip int // bytes to come before the next frame
}

// between tells whether the bytes so far end with a frame.
func (s *frameScanner) between() bool { return s.have == 0 && s.skip == 0 }

// next returns the first frame that begins or goes on in p, as soon as it is
// known, and what of p is behind that. The payload may be yet to come: its next
// skip bytes are in front of what the call after that finds.
func (s *frameScanner) next(p []byte) (f frame, rest []byte, ok bool) {
	n := min(s.skip, len(p))
	s.skip -= n
	p = p[n:]
	if p = s.fill(p, frameHeadBytes); s.have < frameHeadBytes {
		return f, nil, false
	}
	f = frame{
		length: int(s.head[0])<<16 | int(s.head[1])<<8 | int(s.head[2]),
		kind:   s.head[3], flags: s.head[4], stream: binary.BigEndian.Uint32(s.head[5:]) & streamNumberBits,
	}
	if (f.kind == frameReset || f.kind == frameWindow) && f.length == codeBytes || f.kind == frameGoAway && f.length >= codeBytes {
		if p = s.fill(p, len(s.head)); s.have < len(s.head) {
			return f, nil, false
		}
		f.code = binary.BigEndian.Uint32(s.head[frameHeadBytes:])
	}
	s.skip, s.have = f.length-(s.have-frameHeadBytes), 0
	return f, p, true
}

// fill adds to head up to size bytes, and returns what it left of p.
func (s *frameScanner) fill(p []byte, size int) []byte {
	if s.have >= size {
		return p
	}
	n := copy(s.head[s.have:size], p)
	s.have += n
	return p[n:]
}

// goAway returns a GOAWAY frame (RFC 9113, 6.8).
func goAway(lastStream, code uint32, text string) []byte {
	f := make([]byte, frameHeadBytes, frameHeadBytes+8+len(text))
	binary.BigEndian.PutUint32(f, uint32(8+len(text))<<8|frameGoAway)
	f = binary.BigEndian.AppendUint32(f, lastStream)
	f = binary.BigEndian.AppendUint32(f, code)
	return append(f, text...)
}
