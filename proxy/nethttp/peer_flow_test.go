package nethttp

import (
	"testing"

	"golang.org/x/net/http2"
)

func TestAWindowIsAsLargeAsItMayBe(t *testing.T) {
	type frames = []func(*http2.Framer) error
	settings := func(window uint32) func(*http2.Framer) error {
		return func(fr *http2.Framer) error {
			return fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1<<32 - 1}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
		}
	}
	grow := func(stream, by uint32) func(*http2.Framer) error {
		return func(fr *http2.Framer) error { return fr.WriteWindowUpdate(stream, by) }
	}
	head := func(stream uint32, end bool) func(*http2.Framer) error {
		return func(fr *http2.Framer) error {
			return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndStream: end, EndHeaders: true, BlockFragment: []byte{0x82}})
		}
	}
	data := func(stream uint32, size int, end bool) func(*http2.Framer) error {
		return func(fr *http2.Framer) error { return fr.WriteData(stream, end, make([]byte, size)) }
	}
	reset := func(stream uint32) func(*http2.Framer) error {
		return func(fr *http2.Framer) error { return fr.WriteRSTStream(stream, http2.ErrCodeCancel) }
	}
	const most = 1<<31 - 1
	tests := []struct {
		name     string
		sent, in frames
		want     bool
	}{
		{"the largest there is", frames{head(1, false)}, frames{grow(1, most-initialWindow)}, true},
		{"one more", frames{head(1, false)}, frames{grow(1, most-initialWindow+1)}, false},
		{"in two steps", frames{head(1, false)}, frames{grow(1, 1<<30), grow(1, 1<<30)}, false},
		{"of two streams", frames{head(1, false), head(3, false)}, frames{grow(1, 1<<30), grow(3, 1<<30)}, true},
		{"what was sent comes back", frames{head(1, false), data(1, 1000, false)}, frames{grow(1, most-initialWindow+1000)}, true},
		{"and one more", frames{head(1, false), data(1, 1000, false)}, frames{grow(1, most-initialWindow+1001)}, false},
		{"another beginning", frames{head(1, false)}, frames{settings(most - 1), grow(1, 1)}, true},
		{"another beginning, and too much", frames{head(1, false)}, frames{settings(most), grow(1, 1)}, false},
		{"another beginning afterwards", frames{head(1, false)}, frames{grow(1, 1), settings(most)}, false},
		{"a beginning that cannot be is seen to elsewhere", frames{head(1, false)}, frames{settings(1 << 31), grow(1, 1)}, true},
		{"a stream that was not opened", frames{head(1, false)}, frames{grow(3, 1)}, false},
		{"the connection is seen to elsewhere", nil, frames{grow(0, most)}, true},
		{"a request that is over goes on being watched", frames{head(1, true)}, frames{grow(1, most)}, false},
		{"after the response as well", frames{head(1, true)}, frames{head(1, false), data(1, 5, true), grow(1, most)}, false},
		{"and after a reset", frames{head(1, false)}, frames{reset(1), grow(1, most)}, false},
		{"and after our own", frames{head(1, false), reset(1)}, frames{grow(1, most)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := append([]byte(preface), writeFrames(t, tt.sent...)...)
			in := writeFrames(t, tt.in...)
			for size := 1; size <= len(in); size++ {
				w, got := newWindowWatch(), true
				for i := range out {
					w.sent(out[i : i+1])
				}
				for rest := in; len(rest) > 0 && got; {
					n := min(size, len(rest))
					got, _ = w.received(rest[:n])
					rest = rest[n:]
				}
				if got != tt.want {
					t.Fatalf("received() = %t in parts of %d, want %t", got, size, tt.want)
				}
			}
		})
	}
}

// Who left is forgotten, else a connection would grow with what it did; but no sooner
// than net/http forgets, whatever the peer says of a stream.
func TestStreamsThatWereLeftAreForgotten(t *testing.T) {
	w := newWindowWatch()
	w.sent([]byte(preface))
	send := func(id uint32) {
		w.sent(writeFrames(t, func(fr *http2.Framer) error {
			return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: []byte{0x82}})
		}))
	}
	grows := func(id, by uint32) bool {
		fine, _ := w.received(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteWindowUpdate(id, by) }))
		return fine
	}
	long := &watchedStream{of: w}
	send(1)
	long.opened()
	for i := range uint32(10_000) {
		id, s := 2*i+3, &watchedStream{of: w}
		if i%3 == 0 {
			s.leave() // while its head was written
		}
		send(id)
		s.opened()
		if lost := (&watchedStream{of: w}); i%3 == 1 {
			if lost.opened(); lost.id != 0 { // nothing could be written any more
				t.Fatalf("an attempt without a stream has that of another, %d", lost.id)
			}
		}
		if i%3 != 0 {
			s.leave()
		}
		if fine, _ := w.received(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteRSTStream(1, http2.ErrCodeCancel) })); !fine || !grows(id, 1) {
			t.Fatal("an update of a stream that was left is a fault")
		}
	}
	if want := leftStreams + 1; len(w.open) > want {
		t.Errorf("%d streams are remembered, want %d", len(w.open), want)
	}
	const last, most = 2*9_999 + 3, 1000 // max_h2_streams at the most
	if grows(last-2*most, 1<<31-1) {
		t.Error("a stream that was left a moment ago was forgotten")
	}
	if !grows(3, 1<<31-1) {
		t.Error("what is long over still counts")
	}
	if grows(1, 1<<31-1) {
		t.Error("a stream that was not left was forgotten")
	}
}
