package nethttp

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
)

// framesOf returns what a scanner finds in data that comes in parts of that size.
func framesOf(data []byte, size int) (found []frame, between bool) {
	var s frameScanner
	for len(data) > 0 {
		part := data[:min(size, len(data))]
		data = data[len(part):]
		for {
			f, rest, ok := s.next(part)
			if !ok {
				break
			}
			found, part = append(found, f), rest
		}
	}
	return found, s.between()
}

// writeFrames has the Framer of x/net write some frames.
func writeFrames(t testing.TB, write ...func(*http2.Framer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	fr := http2.NewFramer(&b, nil)
	fr.AllowIllegalWrites = true
	for _, w := range write {
		if err := w(fr); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestFramesAreFoundHoweverTheyCome(t *testing.T) {
	data := writeFrames(t,
		func(fr *http2.Framer) error { return fr.WriteSettings(http2.Setting{ID: 1, Val: 2}) },
		func(fr *http2.Framer) error { return fr.WriteRSTStream(5, http2.ErrCodeCancel) },
		func(fr *http2.Framer) error { return fr.WriteData(7, true, make([]byte, 300)) },
		func(fr *http2.Framer) error { return fr.WriteRawFrame(frameReset, 0, 9, []byte("123")) },
		func(fr *http2.Framer) error { return fr.WriteData(1<<31-1, false, nil) },
		func(fr *http2.Framer) error { return fr.WriteRSTStream(11, http2.ErrCodeProtocol) },
		func(fr *http2.Framer) error { return fr.WriteWindowUpdate(13, 1<<31-1) },
	)
	want := []frame{
		{length: 6, kind: 4}, {length: 4, kind: frameReset, stream: 5, code: 8}, {length: 300, flags: flagEndStream, stream: 7},
		{length: 3, kind: frameReset, stream: 9}, {stream: 1<<31 - 1}, {length: 4, kind: frameReset, stream: 11, code: 1},
		{length: 4, kind: frameWindow, stream: 13, code: 1<<31 - 1},
	}
	for size := 1; size <= len(data); size++ {
		got, between := framesOf(data, size)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(frame{})); diff != "" || !between {
			t.Fatalf("in parts of %d, between: %t, (-want +got):\n%s", size, between, diff)
		}
	}
	if _, between := framesOf(data[:len(data)-1], 1000); between {
		t.Error("in front of the last byte it takes itself for between frames")
	}
}

func TestGoAwayIsReadByOthers(t *testing.T) {
	f, err := http2.NewFramer(nil, bytes.NewReader(goAway(77, errorEnhanceCalm, "why"))).ReadFrame()
	away, ok := f.(*http2.GoAwayFrame)
	if err != nil || !ok || away.LastStreamID != 77 || away.ErrCode != http2.ErrCodeEnhanceYourCalm || string(away.DebugData()) != "why" {
		t.Errorf("got %v, %v", f, err)
	}
}

// FuzzFrames: the parts in which frames come make no difference, and what is left
// of a frame never grows out of what it announced.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08"), 3)
	f.Add([]byte("\xff\xff\xff\x00\x01\x00\x00\x00\x01abc"), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		whole, between := framesOf(data, max(len(data), 1))
		parts, too := framesOf(data, min(max(size, 1), 64))
		if diff := cmp.Diff(whole, parts, cmp.AllowUnexported(frame{})); diff != "" || between != too {
			t.Errorf("between: %t and %t, (-whole +parts):\n%s", between, too, diff)
		}
	})
}

// TestOnlyYoungStreamsCountWhenTheyAreReset: a client whose requests take too
// long may end as many as it likes.
func TestOnlyYoungStreamsCountWhenTheyAreReset(t *testing.T) {
	for wait, hostile := range map[time.Duration]bool{0: true, 3 * agedStream: false} {
		synctest.Test(t, func(t *testing.T) {
			w := newFrameWatch()
			w.in.skip = 0
			told := ""
			for round := range uint32(10) {
				for i := range uint32(100) {
					told += w.look(writeFrames(t, func(fr *http2.Framer) error {
						return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*(100*round+i) + 1, EndHeaders: true})
					}))
				}
				time.Sleep(wait / 2) // of the bubble
				told += w.look(writeFrames(t, func(fr *http2.Framer) error {
					return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true}) // a trailer
				}))
				time.Sleep(wait / 2)
				for i := range uint32(100) {
					told += w.look(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteRSTStream(2*(100*round+i)+1, http2.ErrCodeCancel) }))
				}
			}
			if (told != "") != hostile {
				t.Errorf("after %v each: %q", wait, told)
			}
		})
	}
}

// TestWindowsAreCountedAnew: what was much in one window does not count in the next.
func TestWindowsAreCountedAnew(t *testing.T) {
	ping := writeFrames(t, func(fr *http2.Framer) error { return fr.WritePing(false, [8]byte{}) })
	for pause, hostile := range map[time.Duration]bool{0: true, calmWindow / 2: false} {
		synctest.Test(t, func(t *testing.T) {
			w, told := newFrameWatch(), ""
			w.in.skip = 0
			for range 10 {
				for range maxQuiet / 3 {
					told += w.look(ping)
				}
				time.Sleep(pause) // of the bubble
			}
			if (told != "") != hostile {
				t.Errorf("with pauses of %v: %q", pause, told)
			}
		})
	}
}

// TestStreamsThatTheClientHadResetCountAsItsResets, but not those that ended for
// what weir or the peer did, nor many that were refused before the client could know.
func TestStreamsThatTheClientHadResetCountAsItsResets(t *testing.T) {
	for code, hostile := range map[http2.ErrCode]bool{http2.ErrCodeProtocol: true, http2.ErrCodeStreamClosed: true, http2.ErrCodeFlowControl: true,
		http2.ErrCodeRefusedStream: false, http2.ErrCodeNo: false, http2.ErrCodeInternal: false, http2.ErrCodeCancel: false} {
		w, told := newFrameWatch(), ""
		w.in.skip = 0
		for i := range uint32(maxResets + 1) {
			told += w.look(writeFrames(t, func(fr *http2.Framer) error {
				return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, EndHeaders: true})
			}))
			w.sent(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteRSTStream(2*i+1, code) }))
		}
		told += w.look(writeFrames(t, func(fr *http2.Framer) error { return fr.WritePing(false, [8]byte{}) }))
		if (told != "") != hostile {
			t.Errorf("%v: %q", code, told)
		}
	}
}

// TestNotForEverMayAClientNotKnow: it could leave SETTINGS unanswered.
func TestNotForEverMayAClientNotKnow(t *testing.T) {
	for refused, hostile := range map[uint32]bool{maxUnaware: false, maxUnaware + maxResets: false, 3 * maxUnaware: true} {
		w, told := newFrameWatch(), ""
		w.in.skip = 0
		for i := range refused {
			told += w.look(writeFrames(t, func(fr *http2.Framer) error {
				return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, EndHeaders: true})
			}))
			w.sent(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteRSTStream(2*i+1, http2.ErrCodeRefusedStream) }))
		}
		if (told != "") != hostile {
			t.Errorf("%d: %q", refused, told)
		}
	}
}

// TestAStreamIsResetOnce: frames that come for a stream that is over are answered by
// resets, too, of which none counts.
func TestAStreamIsResetOnce(t *testing.T) {
	for _, first := range []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeStreamClosed} {
		w, streams := newFrameWatch(), uint32(2*maxOver)
		for i := range streams {
			for _, code := range []http2.ErrCode{first, http2.ErrCodeStreamClosed, http2.ErrCodeStreamClosed} {
				w.sent(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteRSTStream(2*i+1, code) }))
			}
		}
		want := int64(0)
		if first == http2.ErrCodeStreamClosed {
			want = int64(streams)
		}
		if got := w.strayed.Load(); got != want || len(w.over) != maxOver {
			t.Errorf("%v: %d streams strayed, want %d; %d are remembered", first, got, want, len(w.over))
		}
	}
}
