package nethttp_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/net/http2"
	headpack "golang.org/x/net/http2/hpack"
)

// frameClient speaks HTTP/2 frame by frame.
type frameClient struct {
	t testing.TB
	*wire
	fr    *http2.Framer
	block bytes.Buffer
	enc   *headpack.Encoder
}

// newFrameClient sends the preface and its settings.
func newFrameClient(t testing.TB, m manner, ca *listenerCA, addr string, settings ...http2.Setting) *frameClient {
	t.Helper()
	c := &frameClient{t: t}
	if m.tls {
		cfg := ca.trust("a", "h2")
		cfg.MinVersion = tls.VersionTLS13
		c.wire = ca.dial(t, addr, cfg)
	} else {
		c.wire = dial(t, addr)
	}
	c.fr, c.enc = http2.NewFramer(c.Conn, c.r), headpack.NewEncoder(&c.block)
	c.fr.AllowIllegalWrites = true
	c.raw(http2.ClientPreface)
	if err := c.fr.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	return c
}

// fields encodes a head.
func (c *frameClient) fields(pairs ...string) []byte {
	c.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = c.enc.WriteField(headpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}) // a Buffer takes everything
	}
	return bytes.Clone(c.block.Bytes())
}

// head encodes the head of a GET.
func (c *frameClient) head(more ...string) []byte {
	return c.fields(append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}, more...)...)
}

// request opens a stream. An error means that the server closed.
func (c *frameClient) request(stream uint32, ends bool) error {
	return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.head(), EndStream: ends, EndHeaders: true})
}

// next reads a frame; nil when the server closed.
func (c *frameClient) next() http2.Frame {
	f, err := c.fr.ReadFrame()
	if isTimeout(err) {
		c.t.Fatal("the server neither says anything nor closes")
	}
	if err != nil {
		return nil
	}
	return f
}

// ending is how a server ended a connection.
type ending struct {
	code   http2.ErrCode
	told   bool // there was a GOAWAY
	reason string
	closed bool // in time
	err    error
}

// untilEnd reads to the end of the connection, until after patience.
func (c *frameClient) untilEnd() <-chan ending {
	done := make(chan ending, 1)
	_ = c.SetReadDeadline(time.Now().Add(2 * patience)) // fails on a dead connection, as the read will
	go func() {
		var e ending
		for {
			f, err := c.fr.ReadFrame()
			var broken http2.StreamError
			if errors.As(err, &broken) {
				continue
			}
			if err != nil {
				e.closed, e.err = !isTimeout(err), err
				_, _ = io.Copy(io.Discard, c.r) // what is left of a frame
				done <- e
				return
			}
			if f, ok := f.(*http2.GoAwayFrame); ok {
				e.code, e.told, e.reason = f.ErrCode, true, string(f.DebugData())
			}
		}
	}()
	return done
}
