package proxy

import "sync"

// The sizes of the buffers that requests borrow, in bytes.
const (
	smallWindow = 4 << 10  // of a replay window at first
	largeWindow = 64 << 10 // of a replay window at most
	relaySize   = 32 << 10 // of a body or a tunnel on its way
)

// buffers lends memory to requests. They are arrays behind pointers, so that
// putting one back does not allocate.
type buffers struct{ small, large, relay sync.Pool }

func newBuffers() *buffers {
	return &buffers{
		small: sync.Pool{New: func() any { return new([smallWindow]byte) }},
		large: sync.Pool{New: func() any { return new([largeWindow]byte) }},
		relay: sync.Pool{New: func() any { return new([relaySize]byte) }},
	}
}
