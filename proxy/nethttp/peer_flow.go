package nethttp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// windowWatch follows the windows that a peer gives to the streams of an HTTP/2
// connection (RFC 9113, 5.2), to see when one grows beyond what there can be.
// net/http, as of Go 1.26, locks itself when it sees that, and with that every
// request of the connection, beyond all timeouts. It also notes how large a head
// the peer takes.
type windowWatch struct {
	// Of Read alone.
	in        frameScanner
	inHello   bool // the frame in front of in is SETTINGS
	setting   [settingBytes]byte
	haveBytes int // of setting

	mu      sync.Mutex // guards what follows
	out     frameScanner
	initial int64  // the window that a stream begins with
	maxHead int64  // SETTINGS_MAX_HEADER_LIST_SIZE
	goAway  bool   // GOAWAY came
	last    uint32 // the last stream that it served or will serve
	highest uint32 // the stream opened last
	claimed uint32 // the one of them that an attempt was last known for
	// open has, for each stream that net/http may have, what the peer gave beyond
	// the initial window, less what was sent.
	open map[uint32]int64
	// left are the streams whose attempts left last, the oldest at oldest: net/http
	// forgets a stream a little later.
	left   [leftStreams]uint32
	oldest int
}

// watchedStream is the stream of one attempt. What the peer says of it does not end
// the watch: net/http has a stream until the reading of its body returned.
type watchedStream struct {
	of   *windowWatch
	id   uint32 // guarded by of.mu; 0 = not opened yet
	left bool   // guarded by of.mu; the attempt is over
}

const (
	settingBytes         = 6
	settingInitialWindow = 0x4
	settingMaxHead       = 0x6
	// leastHead is what a peer must take of a head, in the bytes of RFC 9113, 6.5.2.
	// Below it is not the request that is too large.
	leastHead     = 4 << 10
	initialWindow = 1<<16 - 1 // unless SETTINGS say otherwise
	maxWindow     = 1<<31 - 1
	// leftStreams is more than there can be of a connection at a time (max_h2_streams).
	leftStreams = 1024
)

// errWindow is the fault of a peer that gives a window there cannot be (RFC 9113, 6.9.1).
var errWindow = errors.New("the peer opened the window of a stream too far")

func newWindowWatch() *windowWatch {
	return &windowWatch{out: frameScanner{skip: len(preface)}, initial: initialWindow, maxHead: 1<<32 - 1, open: map[uint32]int64{}}
}

// sent takes what is about to be sent.
func (w *windowWatch) sent(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		f, rest, ok := w.out.next(p)
		if !ok {
			return
		}
		p = rest
		switch f.kind {
		case frameHeaders:
			if f.stream > w.highest {
				w.highest = f.stream
				w.open[f.stream] = 0
			}
		case frameData:
			if given, ok := w.open[f.stream]; ok {
				w.open[f.stream] = given - int64(f.length)
			}
		}
	}
}

// received takes what came. It tells whether all windows are as they may be, and
// whether GOAWAY was among it.
func (w *windowWatch) received(p []byte) (fine, parting bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if w.inHello && !w.settings(p[:min(w.in.skip, len(p))]) {
			return false, parting
		}
		f, rest, ok := w.in.next(p)
		if !ok {
			return true, parting
		}
		p = rest
		w.inHello, w.haveBytes = f.kind == frameSettings && f.flags&flagAck == 0, 0
		switch {
		case f.kind == frameGoAway:
			parting = true
			w.goAway, w.last = true, f.code&streamNumberBits
		case f.kind == frameWindow && !w.grow(f.stream, int64(f.code&maxWindow)):
			return false, parting
		}
	}
}

// grow takes a WINDOW_UPDATE. One of a stream that was not opened is a fault, too.
func (w *windowWatch) grow(stream uint32, by int64) bool {
	if stream == 0 {
		return true // net/http sees to that of the connection
	}
	given, ok := w.open[stream]
	if !ok {
		return stream <= w.highest
	}
	w.open[stream] = given + by
	return w.initial+given+by <= maxWindow
}

// settings takes a part of the payload of SETTINGS.
func (w *windowWatch) settings(p []byte) bool {
	for len(p) > 0 {
		n := copy(w.setting[w.haveBytes:], p)
		p = p[n:]
		if w.haveBytes += n; w.haveBytes < settingBytes {
			return true
		}
		w.haveBytes = 0
		if !w.set(binary.BigEndian.Uint16(w.setting[:]), int64(binary.BigEndian.Uint32(w.setting[2:]))) {
			return false
		}
	}
	return true
}

// set takes one of the SETTINGS.
func (w *windowWatch) set(what uint16, value int64) bool {
	switch {
	case what == settingMaxHead:
		w.maxHead = value
	case what == settingInitialWindow && value <= maxWindow: // net/http refuses more
		w.initial = value
		for _, given := range w.open {
			if value+given > maxWindow {
				return false
			}
		}
	}
	return true
}

// took returns how many requests the peer took before it said GOAWAY; it tells
// whether it did.
func (w *windowWatch) took() (n int, said bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.last+1) / 2, w.goAway // the streams of clients have odd numbers
}

// tooNarrow tells whether the peer takes no heads that are worth speaking of.
func (w *windowWatch) tooNarrow() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.maxHead >= leastHead {
		return nil
	}
	return fmt.Errorf("the peer takes heads of %d bytes at most: less than %d are a fault of its configuration", w.maxHead, leastHead)
}

// opened notes that the stream opened last is that of an attempt. It is called
// before another one can be opened, also when none was for the connection broke.
func (s *watchedStream) opened() {
	w := s.of
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.highest == w.claimed {
		return
	}
	w.claimed, s.id = w.highest, w.highest
	if s.left {
		w.forget(s.id)
	}
}

// leave notes that the attempt is over.
func (s *watchedStream) leave() {
	w := s.of
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.left = true; s.id != 0 {
		w.forget(s.id)
	}
}

// forget forgets a stream whose attempt left, after others.
func (w *windowWatch) forget(stream uint32) {
	delete(w.open, w.left[w.oldest])
	w.left[w.oldest] = stream
	w.oldest = (w.oldest + 1) % len(w.left)
}
