package nethttp_test

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// flood is something that a client does n times, or until the server closes.
type flood struct {
	begin func(c *frameClient) error // before it
	step  func(c *frameClient, i uint32) error
	calm  bool // weir ends it, with ENHANCE_YOUR_CALM; else net/http may
	most  int  // requests that may reach the peer
}

func floods() map[string]flood {
	nothing := func(*frameClient) error { return nil }
	upload := func(c *frameClient) error { return c.request(1, false) }
	return map[string]flood{
		"streams that are opened and reset": {nothing, func(c *frameClient, i uint32) error {
			if err := c.request(2*i+1, true); err != nil {
				return err
			}
			return c.fr.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
		}, true, 300},
		"streams that are made to be reset by a window update of zero": {nothing, func(c *frameClient, i uint32) error {
			if err := c.request(2*i+1, false); err != nil {
				return err
			}
			return c.fr.WriteWindowUpdate(2*i+1, 0)
		}, false, 500},
		"heads that are none": {nothing, func(c *frameClient, i uint32) error {
			return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: c.fields("x", "y"), EndStream: true, EndHeaders: true})
		}, false, 0},
		"empty heads": {nothing, func(c *frameClient, i uint32) error {
			return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, EndStream: true, EndHeaders: true})
		}, false, 0},
		"settings": {nothing, func(c *frameClient, i uint32) error {
			return c.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: i%100 + 1})
		}, true, 0},
		"pings": {nothing, func(c *frameClient, _ uint32) error { return c.fr.WritePing(false, [8]byte{}) }, true, 0},
		"answers to pings that nobody sent": {nothing, func(c *frameClient, _ uint32) error {
			return c.fr.WritePing(true, [8]byte{})
		}, true, 0},
		"priorities": {nothing, func(c *frameClient, i uint32) error {
			return c.fr.WritePriority(2*i+1, http2.PriorityParam{Weight: 1})
		}, true, 0},
		"frames that nobody knows": {nothing, func(c *frameClient, _ uint32) error { return c.fr.WriteRawFrame(0xfa, 0, 0, nil) }, true, 0},
		"empty data":               {upload, func(c *frameClient, _ uint32) error { return c.fr.WriteData(1, false, nil) }, true, 1},
		"padding": {upload, func(c *frameClient, _ uint32) error {
			return c.fr.WriteDataPadded(1, false, nil, make([]byte, 50))
		}, true, 1},
		"tiny window updates": {upload, func(c *frameClient, _ uint32) error { return c.fr.WriteWindowUpdate(0, 1) }, true, 1},
		"empty continuations": {func(c *frameClient) error {
			return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.head(), EndStream: true})
		}, func(c *frameClient, _ uint32) error { return c.fr.WriteContinuation(1, false, nil) }, true, 0},
		"continuations that carry much": {func(c *frameClient) error {
			return c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.head(), EndStream: true})
		}, func(c *frameClient, _ uint32) error {
			return c.fr.WriteContinuation(1, false, c.fields("x", strings.Repeat("x", 10_000)))
		}, false, 0},
		"a window update of zero": {nothing, func(c *frameClient, _ uint32) error { return c.fr.WriteWindowUpdate(0, 0) }, false, 0},
		"a window that overflows": {nothing, func(c *frameClient, _ uint32) error { return c.fr.WriteWindowUpdate(0, 1<<31-1) }, false, 0},
	}
}

// TestFloodsEndTheirConnection has one client misbehave, and another served meanwhile.
func TestFloodsEndTheirConnection(t *testing.T) {
	ca := newListenerCA(t)
	for _, m := range manners()[2:] {
		for name, f := range floods() {
			t.Run(name+" over "+m.name, func(t *testing.T) {
				t.Parallel()
				peer, p := peertest.Start(t), plan{}
				m.apply(&p, ca)
				h := open(t, p, peer.Addr())
				tr := m.client(t, ca)
				if status := ask(t, tr, m.scheme()+"://"+h.addr); status != 200 {
					t.Fatalf("the other client got %d", status)
				}
				c := newFrameClient(t, m, ca, h.addr)
				end := c.untilEnd()
				err := f.begin(c)
				for i := uint32(0); i < 50_000 && err == nil; i++ {
					err = f.step(c, i)
				}
				if status := ask(t, tr, m.scheme()+"://"+h.addr); status != 200 {
					t.Errorf("the other client got %d", status)
				}
				e := <-end
				if !e.closed || f.calm && e.told && e.code != http2.ErrCodeEnhanceYourCalm {
					t.Errorf("ended with %+v", e)
				}
				if n := len(peer.Requests()) - 2; n > f.most {
					t.Errorf("%d requests reached the peer", n)
				}
				if s := h.server.Stats(); f.calm && s.Dismissed != 1 {
					t.Errorf("counted %+v, ended with %+v (%v)", s, e, e.err)
				}
				h.quiet(t, peer.Addr())
			})
		}
	}
}

// TestABusyClientIsNotTakenForHostile has a client do much of what a hostile one
// does, with a reason.
func TestABusyClientIsNotTakenForHostile(t *testing.T) {
	peer := peertest.Start(t)
	peer.Answer(peertest.Response{Body: make([]byte, 100)})
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}}, peer.Addr())
	c := newFrameClient(t, manner{http2: true}, nil, h.addr)
	for i := uint32(0); i < 1500; i++ {
		if err := c.request(2*i+1, true); err != nil {
			t.Fatal(err)
		}
		for ended := false; !ended; {
			switch f := c.next().(type) {
			case nil:
				t.Fatalf("closed after %d requests", i)
			case *http2.DataFrame:
				ended = f.StreamEnded()
				for range 10 { // more than it need be
					if err := c.fr.WriteWindowUpdate(0, 100); err != nil {
						t.Fatal(err)
					}
				}
			case *http2.GoAwayFrame:
				t.Fatalf("after %d requests: %v %q", i, f, f.DebugData())
			}
		}
		if i%3 == 0 { // one that it does not want any more
			if err := c.fr.WriteRSTStream(2*i+1, http2.ErrCodeCancel); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTheReasonIsTold reads what a client is told that is sent away.
func TestTheReasonIsTold(t *testing.T) {
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}})
	c := newFrameClient(t, manner{http2: true}, nil, h.addr)
	for range 1010 {
		if err := c.fr.WritePriority(1, http2.PriorityParam{Weight: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if e := <-c.untilEnd(); e.code != http2.ErrCodeEnhanceYourCalm || !strings.Contains(e.reason, "too many frames") {
		t.Errorf("told %+v", e)
	}
	if _, err := io.ReadAll(c.r); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// TestABodyThatNobodyWantsIsNotTakenForHostile has a peer answer before it has the
// request's body. What of it is under way then is answered frame by frame with
// STREAM_CLOSED, which is no fault of the client's.
func TestABodyThatNobodyWantsIsNotTakenForHostile(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}}, peer.addr())
	c := newFrameClient(t, manner{http2: true}, nil, h.addr)
	if err := c.request(1, false); err != nil {
		t.Fatal(err)
	}
	answer := func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 503 Service Unavailable\nContent-Length: 0\nConnection: close\n\n")
	}
	answer()
	c.until("the end of the stream", func(f http2.Frame) bool { _, is := f.(*http2.RSTStreamFrame); return is })
	for range 500 { // in 10 s, 200 streams may be reset
		if err := c.fr.WriteData(1, false, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.fr.WritePing(false, [8]byte{1}); err != nil {
		t.Fatal(err)
	}
	c.until("the answer to a ping", func(f http2.Frame) bool { p, is := f.(*http2.PingFrame); return is && p.IsAck() })
	if err := c.request(3, true); err != nil {
		t.Fatal(err)
	}
	answer()
	c.until("the next answer", func(f http2.Frame) bool { return f.Header().StreamID == 3 })
}

// until reads up to the frame that is waited for.
func (c *frameClient) until(what string, is func(http2.Frame) bool) {
	c.t.Helper()
	for {
		f := c.next()
		if away, ok := f.(*http2.GoAwayFrame); ok {
			c.t.Fatalf("waited for %s, got GOAWAY: %v %q", what, away.ErrCode, away.DebugData())
		}
		if f == nil {
			c.t.Fatalf("waited for %s, got the end", what)
		}
		if is(f) {
			return
		}
	}
}
