package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// maxRequestID is the longest request id that is taken over, in bytes.
const maxRequestID = 128

// saneID tells whether an id that a trusted proxy gave can be taken over.
func saneID(id string) bool {
	return id != "" && len(id) <= maxRequestID && every(id, isVisible)
}

// newRequestID returns 128 random bits in hex. They come from the process's
// own generator, which takes no lock; they are unique, not secret.
func (s *exchangeState) newRequestID() string {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], rand.Uint64())
	mark := s.mark()
	s.scratch = hex.AppendEncode(s.scratch, raw[:])
	return s.cut(mark)
}
