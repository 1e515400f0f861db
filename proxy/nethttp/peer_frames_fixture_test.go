package nethttp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
	fieldcode "golang.org/x/net/http2/hpack"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// frameConn is a peer's end of an HTTP/2 connection, of which the test plays every frame.
type frameConn struct {
	t testing.TB
	*wire
	*http2.Framer
	buf bytes.Buffer
	enc *fieldcode.Encoder
}

// acceptH2 takes the next connection, and sends what a peer begins with.
func (s *script) acceptH2(settings ...http2.Setting) *frameConn {
	s.t.Helper()
	c := s.acceptFrames()
	if err := c.WriteSettings(settings...); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// acceptFrames takes the next connection, and sends nothing.
func (s *script) acceptFrames() *frameConn {
	s.t.Helper()
	w := s.accept()
	c := &frameConn{t: s.t, wire: w, Framer: http2.NewFramer(w.Conn, w.r)}
	c.ReadMetaHeaders = fieldcode.NewDecoder(4096, nil)
	c.enc = fieldcode.NewEncoder(&c.buf)
	w.exactly(http2.ClientPreface)
	return c
}

// await reads on to the next frame of a kind; settings are acknowledged meanwhile.
func await[F http2.Frame](c *frameConn) F {
	c.t.Helper()
	for {
		f, err := c.ReadFrame()
		if err != nil {
			c.t.Fatalf("read a frame: %v", err)
		}
		if wanted, ok := f.(F); ok {
			return wanted
		}
		if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
			_ = c.WriteSettingsAck()
		}
	}
}

// request reads the head of the next request and returns its stream.
func (c *frameConn) request() uint32 {
	c.t.Helper()
	return await[*http2.MetaHeadersFrame](c).StreamID
}

// respond answers with a head, which ends the stream if ends.
func (c *frameConn) respond(stream uint32, status string, ends bool) {
	c.t.Helper()
	c.buf.Reset()
	_ = c.enc.WriteField(fieldcode.HeaderField{Name: ":status", Value: status})
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.buf.Bytes(), EndHeaders: true, EndStream: ends}); err != nil {
		c.t.Errorf("respond: %v", err)
	}
}

// framesTo returns a codec for a peer that is spoken to by HTTP/2 without TLS.
func framesTo(t testing.TB, tr messages.Transport) *nethttp.PeerCodec {
	tr.ALPN = messages.H2
	return peerCodec(t, tr, nethttp.PeerDeps{})
}

// sending is a request under way.
type sending struct {
	x   *proxy.Exchange
	err chan error
}

// start sends a request that has a body if one is given.
func start(codec proxy.PeerCodec, addr, method string, body io.Reader) *sending {
	s := &sending{x: newRequest(addr, "", method), err: make(chan error, 1)}
	if body != nil {
		s.x.Request.Body, s.x.Request.ContentLength = body, -1
	}
	go func() { s.err <- codec.Send(s.x) }()
	return s
}

// status waits for the head and returns its status.
func (s *sending) status(t testing.TB) int {
	t.Helper()
	if err := <-s.err; err != nil {
		t.Fatalf("send: %v", err)
	}
	_ = s.x.Response.Body.Close()
	return s.x.Response.Status
}

// closed tells whether nothing but the end comes on c.
func (c *frameConn) closed() bool {
	for {
		if _, err := c.ReadFrame(); err != nil {
			var late net.Error
			return !errors.As(err, &late) || !late.Timeout()
		}
	}
}
