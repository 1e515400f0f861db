package nethttp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
)

// h2Hello watches for the SETTINGS that a peer begins with (RFC 9113, 3.4). Until
// they came it is not known how many requests the peer takes at a time, nor
// whether it speaks HTTP/2 at all.
type h2Hello struct {
	came chan struct{} // closed when net/http has dealt with them

	mu    sync.Mutex
	head  []byte // of the first frame
	left  int    // bytes of it that are still to come; counts when head is whole
	whole bool
}

// errNoH2 is returned when a peer with which HTTP/2 was to be spoken does not.
var errNoH2 = errors.New("the peer does not speak HTTP/2")

func newH2Hello() *h2Hello { return &h2Hello{came: make(chan struct{})} }

// read notes what was read.
func (h *h2Hello) read(p []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := min(len(p), frameHeadBytes-len(h.head)); n > 0 {
		h.head = append(h.head, p[:n]...)
		p = p[n:]
		if len(h.head) == frameHeadBytes {
			h.left = int(binary.BigEndian.Uint32(h.head) >> 8)
		}
	}
	h.left -= len(p)
	h.whole = len(h.head) == frameHeadBytes && h.left <= 0
}

// readAgain tells whether the SETTINGS came. Net/http reads again only when it
// has dealt with all that it has.
func (h *h2Hello) readAgain() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.whole && h.head[3] == frameSettings {
		close(h.came)
		return true
	}
	return false
}

// fault says why there is no HTTP/2, if what came shows it.
func (h *h2Hello) fault() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case bytes.HasPrefix(h.head, []byte("HTTP/1.")):
		return errors.Join(errNoH2, errors.New("it answered with HTTP/1.1"))
	case len(h.head) == frameHeadBytes && h.head[3] != frameSettings:
		return errNoH2
	}
	return nil
}
