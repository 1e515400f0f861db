package nethttp

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
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
					got, rest = w.received(rest[:n]), rest[n:]
				}
				if got != tt.want {
					t.Fatalf("received() = %t in parts of %d, want %t", got, size, tt.want)
				}
			}
		})
	}
}

// What ended is forgotten, else a connection would grow with what it did.
func TestEndedStreamsAreForgotten(t *testing.T) {
	w := newWindowWatch()
	w.sent([]byte(preface))
	var block bytes.Buffer
	if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"}); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(10_000) {
		id := 2*i + 1
		w.sent(writeFrames(t, func(fr *http2.Framer) error {
			return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: i%3 == 0, BlockFragment: []byte{0x82}})
		}))
		end := func(fr *http2.Framer) error {
			return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: true, BlockFragment: block.Bytes()})
		}
		if i%3 == 1 {
			end = func(fr *http2.Framer) error { return fr.WriteRSTStream(id, http2.ErrCodeCancel) }
		}
		if !w.received(writeFrames(t, end, func(fr *http2.Framer) error { return fr.WriteWindowUpdate(id, 1) })) {
			t.Fatal("an update of a stream that ended is a fault")
		}
		if i%3 == 2 {
			w.sent(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteData(id, true, []byte("x")) }))
		}
	}
	if len(w.open) > endedStreams {
		t.Errorf("%d streams are remembered, want %d", len(w.open), endedStreams)
	}
	if !w.received(writeFrames(t, func(fr *http2.Framer) error { return fr.WriteWindowUpdate(1, 1<<31-1) })) {
		t.Error("what is long over still counts")
	}
}
