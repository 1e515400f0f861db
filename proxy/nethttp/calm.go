package nethttp

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// frameWatch watches the frames of an HTTP/2 connection for a client that keeps
// weir busy without asking for anything, which net/http lets it do: that opens
// streams only to reset them (CVE-2023-44487), or has them reset by what it sends
// on them (CVE-2025-8671), or sends frames that carry nothing (CVE-2019-9512,
// -9515, -9518). It counts by windows of calmWindow.
//
// What a client may say grows with what it asks for and with what it is sent, so
// that none is taken for hostile because it is busy. Streams that are old when
// they are reset do not count: their requests may just have taken too long.
type frameWatch struct {
	in     frameScanner
	buffer [frameReadBufferLen]byte
	unread []byte // of buffer

	began                 time.Time // the window
	opened, resets, quiet int
	last                  uint32    // the highest stream
	inHead                bool      // the last frame is of a head
	headOpen              bool      // and the head goes on after it
	headSince             time.Time // when it began

	// Streams up to old were open before oldAt. It is moved on each agedStream.
	young, old uint32
	youngAt    time.Time

	// allowed counts frames that the client may answer by quiet ones, strayed
	// streams that were reset for what the client sent. Both since the window began.
	allowed, strayed atomic.Int64

	// asked is whether a stream was ever opened.
	asked atomic.Bool
	// parting, unless nil, is the GOAWAY that the client gets as soon as nothing else
	// is being sent.
	parting atomic.Pointer[[]byte]

	writing sync.Mutex // guards what follows, and the order of writes
	out     frameScanner
	greeted bool // something was sent: SETTINGS, which come first (RFC 9113, 3.4)
	outHead bool // a head is being sent, which nothing may come between
	leaving bool // the client was told to open no more streams
	// over are the streams that were reset last towards the client, the oldest at
	// oldest once there are maxOver.
	over   []uint32
	oldest int
	// unaware counts streams that were refused since there were too many, before
	// the client could know.
	unaware int
}

// maySpeak tells whether a frame may be put between those of net/http. The caller
// holds writing.
func (w *frameWatch) maySpeak() bool { return w.greeted && !w.outHead && w.out.between() }

const (
	calmWindow = 10 * time.Second
	// agedStream is when a stream is no longer young.
	agedStream = time.Second
	// maxResets is how many young streams may be reset in a window; more only when
	// they are no more than half of those that were opened.
	maxResets = 200
	// maxUnaware is how many streams may be refused before the client acknowledged SETTINGS.
	maxUnaware = 1000
	// maxQuiet is how many frames in a window may carry neither a request nor a
	// part of its body; and quietPerStream more for each stream that was opened,
	// quietPerFrame for each HEADERS or DATA that was sent.
	maxQuiet, quietPerStream, quietPerFrame = 1000, 8, 4
	// maxOver is how many streams are remembered that are over.
	maxOver = 256
)

// newFrameWatch watches a connection of which the preface is still to be looked at.
func newFrameWatch() *frameWatch {
	now := time.Now()
	return &frameWatch{in: frameScanner{skip: len(preface)}, began: now, youngAt: now}
}

// look follows what the client sent. It returns what is too much, or "".
func (w *frameWatch) look(p []byte) (tooMuch string) {
	for {
		f, rest, ok := w.in.next(p)
		if !ok {
			break
		}
		p = rest
		w.inHead = f.kind == frameHeaders || f.kind == frameContinuation
		if f.kind == frameData && !f.isEmpty() {
			continue
		}
		w.note(f, time.Now())
		if tooMuch := w.judge(); tooMuch != "" {
			return tooMuch
		}
	}
	return ""
}

// note counts f.
func (w *frameWatch) note(f frame, now time.Time) {
	if now.Sub(w.began) >= calmWindow {
		w.began, w.opened, w.resets, w.quiet = now, 0, 0, 0
		w.allowed.Store(0)
		w.strayed.Store(0)
	}
	if now.Sub(w.youngAt) >= agedStream {
		w.old, w.young, w.youngAt = w.young, w.last, now
	}
	switch f.kind {
	case frameHeaders:
		if f.stream > w.last {
			w.last = f.stream
			w.opened++
			w.asked.Store(true)
		}
		w.headOpen, w.headSince = f.flags&flagEndHeaders == 0, now
	case frameContinuation:
		w.quiet++
		w.headOpen = f.flags&flagEndHeaders == 0
	case frameReset:
		if f.stream > w.old {
			w.resets++
		}
	default:
		w.quiet++
	}
}

func (w *frameWatch) judge() (tooMuch string) {
	if resets := w.resets + int(w.strayed.Load()); resets > maxResets && resets*2 > w.opened {
		return "too many streams are reset"
	}
	if w.quiet > maxQuiet+quietPerStream*w.opened+int(w.allowed.Load()) {
		return "too many frames that ask for nothing"
	}
	return ""
}

// within tells since when the client is sending a head that is not all there yet.
func (w *frameWatch) within() (since time.Time, ok bool) {
	return w.headSince, w.headOpen || w.inHead && w.in.skip > 0
}

// sent follows what goes to the client. The caller holds writing.
func (w *frameWatch) sent(p []byte) {
	allowed, strayed := int64(0), int64(0)
	for {
		f, rest, ok := w.out.next(p)
		if !ok {
			break
		}
		p, w.greeted = rest, true
		if f.kind == frameHeaders || f.kind == frameContinuation {
			w.outHead = f.flags&flagEndHeaders == 0
		}
		switch f.kind {
		case frameData, frameHeaders:
			allowed += quietPerFrame
		case frameReset:
			// The others are about what weir or the peer did.
			if first := w.isFirst(f.stream); first && f.code != errorNone && f.code != errorInternal && f.code != errorCancel && !w.isUnaware(f.code) {
				strayed++
			}
		}
	}
	if allowed > 0 {
		w.allowed.Add(allowed)
	}
	if strayed > 0 {
		w.strayed.Add(strayed)
	}
}

// isUnaware tells whether a stream is refused of a client that has not got SETTINGS
// yet, and may open as many as it likes until then (RFC 9113, 6.5.2); not for ever,
// since it could leave them unanswered. Net/http refuses so what came before they
// were acknowledged, and only that: later it is a PROTOCOL_ERROR. That they have been
// meanwhile says nothing, for what is read here net/http may yet have to look at. The
// caller holds writing.
func (w *frameWatch) isUnaware(code uint32) bool {
	if code != errorRefused || w.unaware == maxUnaware {
		return false
	}
	w.unaware++
	return true
}

// isFirst tells whether a stream is reset for the first time, and remembers it. What
// the client had sent of a body when it was told that nobody wants it is answered by
// a reset for each frame; these are not its fault. The caller holds writing.
func (w *frameWatch) isFirst(stream uint32) bool {
	if slices.Contains(w.over, stream) {
		return false
	}
	if len(w.over) < maxOver {
		w.over = append(w.over, stream)
		return true
	}
	w.over[w.oldest] = stream
	w.oldest = (w.oldest + 1) % maxOver
	return true
}
