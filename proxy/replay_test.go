package proxy

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/weirproxy/weir/messages"
)

func TestBodyErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"the codec's word counts", &Failure{Code: messages.CodeBadRequest, Err: io.ErrUnexpectedEOF}, 400, "bad_request"},
		{"a slow client", fmt.Errorf("read: %w", &Failure{Code: messages.CodeClientSlow}), 408, "client_slow"},
		{"a broken connection", io.ErrUnexpectedEOF, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 3, nil)
			b.codec.replies = []reply{{reads: -1, failure: &Failure{Code: messages.CodeReset}}}
			x, client := b.request("PUT", "/")
			x.Request.Body, x.Request.ContentLength = io.MultiReader(strings.NewReader("abc"), errReader{c.err}), 10
			b.serve(x)
			if client.status != c.status || client.get("X-Weir-Error") != c.code || len(b.codec.seen) != 1 {
				t.Errorf("status %d %q, %d attempts; want %d %q, 1", client.status, client.get("X-Weir-Error"), len(b.codec.seen), c.status, c.code)
			}
			if x.Aborted() != (c.status == 0) {
				t.Errorf("aborted %t", x.Aborted())
			}
			if p := b.registry.Ref("up").Peer(b.codec.seen[0].peer); p.Failures() != 0 || len(b.suspected) != 0 {
				t.Error("the peer is blamed for its client")
			}
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestNothingIsRecordedOnceTheResponseIsThere(t *testing.T) {
	pool := newBuffers()
	body := requestBody{source: strings.NewReader("abcdef"), buffers: pool, record: true, length: -1}
	three := make([]byte, 3)
	if _, err := body.Read(three); err != nil || string(body.window) != "abc" || !body.replayable() {
		t.Fatalf("window %q, %v", body.window, err)
	}
	body.final.Store(true)
	if _, err := body.Read(three); err != nil || string(three) != "def" || body.window != nil || body.replayable() {
		t.Errorf("read %q, window %q, %v", three, body.window, err)
	}
}
