package nethttp_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/messages"
)

func TestTimesOfAStream(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{ResponseTimeout: short, ReadTimeout: short})
	s := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2()
	one := c.request()
	check(t, <-s.err, messages.CodeHeadTimeout, false)
	if f := await[*http2.RSTStreamFrame](c); f.StreamID != one || f.ErrCode != http2.ErrCodeCancel {
		t.Errorf("got %v", f)
	}
	s = start(codec, peer.addr(), "GET", nil)
	two := c.request()
	c.respond(two, "200", false)
	if err := <-s.err; err != nil {
		t.Fatal(err)
	}
	_, err := s.x.Response.Body.Read(make([]byte, 1))
	check(t, err, messages.CodeReadTimeout, false)
	_ = s.x.Response.Body.Close()
	if f := await[*http2.RSTStreamFrame](c); f.StreamID != two {
		t.Errorf("got %v", f)
	}
	s = start(codec, peer.addr(), "GET", nil) // the connection is not at fault
	c.respond(c.request(), "200", true)
	s.status(t)
}

func TestRetireLetsADialEnd(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	s := start(codec, peer.addr(), "POST", nil)
	c := peer.acceptFrames()
	codec.Retire(peer.addr())
	codec.Close()
	if err := c.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	c.respond(c.request(), "200", true)
	if got := s.status(t); got != 200 || !c.closed() {
		t.Errorf("got %d, or the connection was kept", got)
	}
}

func TestABigHeadIsTheRequestsFault(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	s := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2(http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 8 << 10})
	c.respond(c.request(), "200", true)
	s.status(t)
	x := newRequest(peer.addr(), "", "POST")
	x.Request.Header.Add("X-Big", strings.Repeat("x", 10_000))
	check(t, codec.Send(x), messages.CodeBadRequest, true)
}

func TestAPeerThatTakesNoHeadsIsAtFault(t *testing.T) {
	peer := scripted(t)
	s := start(framesTo(t, messages.Transport{}), peer.addr(), "GET", nil)
	peer.acceptH2(http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 10})
	err := <-s.err
	check(t, err, messages.CodeBadResponse, true)
	if !strings.Contains(err.Error(), "heads of 10 bytes at most") {
		t.Errorf("got %v", err)
	}
}

func TestASlowClientDoesNotHoldOtherStreamsUp(t *testing.T) {
	const size = 8 << 20
	peer, codec := overH2(t, messages.Transport{}, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			_, _ = w.Write(make([]byte, size))
		}
	})
	slow := newRequest(peer.addr, "", "GET")
	if err := codec.Send(slow); err != nil {
		t.Fatal(err)
	}
	for range 50 { // nobody reads the first response
		x := newRequest(peer.addr, "", "GET")
		x.Request.Path = "/other"
		answered(t, codec, x)
	}
	n, err := io.Copy(io.Discard, slow.Response.Body)
	_ = slow.Response.Body.Close()
	if err != nil || n != size || peer.accepted.Load() != 1 {
		t.Errorf("got %d bytes over %d connections, %v", n, peer.accepted.Load(), err)
	}
}

// net/http locks itself when a window grows beyond what there can be; the other
// requests of the connection would hang for ever, and their clients.
func TestAPeerThatOpensAWindowTooFarIsLeft(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{transport: messages.Transport{ALPN: messages.H2, MaxH2Streams: 100}}, peer.addr())
	first, second := dial(t, h.addr), dial(t, h.addr)
	first.send("GET / HTTP/1.1\nHost: a\n\n")
	c := peer.acceptH2()
	one := c.request()
	second.send("GET / HTTP/1.1\nHost: a\n\n")
	c.request()
	if err := c.WriteWindowUpdate(one, 1<<31-1); err != nil {
		t.Fatal(err)
	}
	for _, client := range []*wire{first, second} {
		if r, _ := client.response("GET"); r.StatusCode != http.StatusBadGateway || r.Header.Get("X-Weir-Error") != string(messages.CodeBadResponse) {
			t.Errorf("got %d %q, want 502 bad_response", r.StatusCode, r.Header.Get("X-Weir-Error"))
		}
	}
	third := dial(t, h.addr)
	third.send("GET / HTTP/1.1\nHost: a\n\n")
	c = peer.acceptH2()
	c.respond(c.request(), "200", true)
	if r, _ := third.response("GET"); r.StatusCode != http.StatusOK {
		t.Errorf("the next got %d", r.StatusCode)
	}
}

// What a peer says of a stream does not make it one that nobody has: while its
// upload is read, net/http has it.
func TestAPeerThatOpensAWindowTooFarAfterItsEndIsLeft(t *testing.T) {
	peer := scripted(t)
	h := open(t, plan{transport: messages.Transport{ALPN: messages.H2}}, peer.addr())
	uploads, waits := dial(t, h.addr), dial(t, h.addr)
	uploads.send("POST / HTTP/1.1\nHost: a\nContent-Length: 100\n\nabc")
	c := peer.acceptH2()
	one := c.request()
	waits.send("GET / HTTP/1.1\nHost: a\n\n")
	c.request()
	var at1 bytes.Buffer
	frames := http2.NewFramer(&at1, nil)
	for range 3000 {
		_ = frames.WriteRSTStream(one, http2.ErrCodeInternal)
	}
	_ = frames.WriteWindowUpdate(one, 1<<31-1)
	_, _ = c.wire.Write(at1.Bytes()) // what was left already may be closed
	for name, client := range map[string]*wire{"GET": waits, "POST": uploads} {
		if resp, _ := client.response(name); resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: got %d", name, resp.StatusCode)
		}
	}
}
