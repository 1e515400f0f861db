package nethttp_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/weirproxy/weir/messages"
)

func TestGoAwaySendsWhatWasNotHandledElsewhere(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	first := start(codec, peer.addr(), "POST", nil)
	c := peer.acceptH2()
	one := c.request()
	second := start(codec, peer.addr(), "POST", nil)
	c.request()
	if err := c.WriteGoAway(one, http2.ErrCodeNo, nil); err != nil {
		t.Fatal(err)
	}
	next := peer.acceptH2() // the second comes again, on another connection
	next.respond(next.request(), "202", true)
	if got := second.status(t); got != 202 {
		t.Errorf("the second got %d", got)
	}
	third := start(codec, peer.addr(), "POST", nil)
	next.respond(next.request(), "203", true)
	if got := third.status(t); got != 203 {
		t.Errorf("the third got %d", got)
	}
	c.respond(one, "201", true)
	if got := first.status(t); got != 201 {
		t.Errorf("the first got %d", got)
	}
	if !c.closed() {
		t.Error("the connection stays")
	}
}

func TestAPeerThatAlwaysGoesAway(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	s := start(codec, peer.addr(), "POST", nil)
	for range 2 {
		c := peer.acceptH2()
		c.request()
		_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
	}
	check(t, <-s.err, messages.CodeReset, true)
	// With an error, it is not even tried again.
	s = start(codec, peer.addr(), "POST", nil)
	c := peer.acceptH2()
	c.request()
	_ = c.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil)
	check(t, <-s.err, messages.CodeReset, true)
}

func TestGoAwayAfterTheBodyWasReadIsTheCoresToRepeat(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	s := start(codec, peer.addr(), "POST", strings.NewReader("abc"))
	c := peer.acceptH2()
	c.request()
	await[*http2.DataFrame](c)
	_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
	check(t, <-s.err, messages.CodeReset, true)
	h := open(t, plan{transport: messages.Transport{ALPN: messages.H2}, retry: messages.RetrySpec{Attempts: 1, BudgetPerSecond: 1}}, peer.addr())
	client := dial(t, h.addr)
	client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc")
	c = peer.acceptH2()
	c.request()
	await[*http2.DataFrame](c)
	_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
	c = peer.acceptH2()
	one := c.request()
	if got := string(await[*http2.DataFrame](c).Data()); got != "abc" {
		t.Errorf("got %q", got)
	}
	c.respond(one, "204", true)
	if resp, _ := client.response("POST"); resp.StatusCode != 204 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestResetStreams(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	bystander := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2()
	other := c.request()
	for _, tt := range []struct {
		code   http2.ErrCode
		unsent bool
	}{{http2.ErrCodeRefusedStream, true}, {http2.ErrCodeInternal, false}, {http2.ErrCodeCancel, false}, {http2.ErrCodeEnhanceYourCalm, false}} {
		s := start(codec, peer.addr(), "POST", strings.NewReader("abc"))
		_ = c.WriteRSTStream(c.request(), tt.code)
		check(t, <-s.err, messages.CodeReset, tt.unsent)
	}
	c.respond(other, "200", false)
	if err := <-bystander.err; err != nil {
		t.Fatal(err)
	}
	s := start(codec, peer.addr(), "GET", nil)
	c.respond(c.request(), "200", false)
	if err := <-s.err; err != nil {
		t.Fatal(err)
	}
	_ = c.WriteRSTStream(other, http2.ErrCodeInternal) // within the body
	_, err := bystander.x.Response.Body.Read(make([]byte, 1))
	check(t, err, messages.CodeReset, false)
	_ = bystander.x.Response.Body.Close()
	_ = s.x.Response.Body.Close()
	if n := codec.Stats(); n.Opened != 1 || n.Streams != 0 {
		t.Errorf("got %+v", n)
	}
}

func TestSilentConnectionsArePinged(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{H2PingInterval: short})
	s := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2()
	one := c.request()
	for range 3 { // while it answers, it lives
		if err := c.WritePing(true, await[*http2.PingFrame](c).Data); err != nil {
			t.Fatal(err)
		}
	}
	c.respond(one, "200", true)
	s.status(t)
	s = start(codec, peer.addr(), "POST", nil)
	c.request()
	check(t, <-s.err, messages.CodeReset, false) // no answer to a ping any more
	s = start(codec, peer.addr(), "GET", nil)
	c = peer.acceptH2()
	c.respond(c.request(), "200", true)
	s.status(t)
}

func TestAStreamThatStandsStill(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{WriteTimeout: 2 * short})
	s := start(codec, peer.addr(), "POST", strings.NewReader("abc"))
	c := peer.acceptH2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	stuck := c.request()
	other := start(codec, peer.addr(), "GET", nil)
	c.respond(c.request(), "200", true)
	other.status(t)
	check(t, <-s.err, messages.CodeWriteTimeout, false)
	if f := await[*http2.RSTStreamFrame](c); f.StreamID != stuck {
		t.Errorf("stream %d was reset, want %d", f.StreamID, stuck)
	}
	other = start(codec, peer.addr(), "GET", nil) // the connection is not at fault
	c.respond(c.request(), "200", true)
	other.status(t)
}

func TestASlowClientIsNotAStreamThatStandsStill(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{WriteTimeout: short})
	r, w := io.Pipe()
	s := start(codec, peer.addr(), "POST", r)
	c := peer.acceptH2()
	one := c.request()
	<-time.After(3 * short)
	_, _ = io.WriteString(w, "abc")
	await[*http2.DataFrame](c)
	<-time.After(3 * short)
	_ = w.Close()
	c.respond(one, "200", true)
	s.status(t)
}

func TestLessIsAllowedLater(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	first := start(codec, peer.addr(), "GET", nil)
	c := peer.acceptH2()
	one := c.request()
	_ = c.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
	await[*http2.SettingsFrame](c) // it was read
	second := start(codec, peer.addr(), "GET", nil)
	next := peer.acceptH2()
	two := next.request()
	c.respond(one, "201", true)
	first.status(t)
	next.respond(two, "202", true)
	if got := second.status(t); got != 202 {
		t.Errorf("got %d", got)
	}
}

func TestPeersThatAreNoHTTP2(t *testing.T) {
	for _, tt := range []struct {
		name   string
		play   func(s *script)
		code   messages.Code
		detail string
		unsent bool
	}{
		{"HTTP/1.1", func(s *script) { s.accept().send("HTTP/1.1 400 Bad Request\n\n") }, messages.CodeBadResponse, "HTTP/1.1", true},
		{"another protocol", func(s *script) { s.accept().send("220 mail.example.com ready\n") }, messages.CodeBadResponse, "does not speak HTTP/2", true},
		{"nothing", func(s *script) { _ = s.accept().Close() }, messages.CodeReset, "no HTTP/2 SETTINGS", true},
		{"no streams", func(s *script) { s.acceptH2(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0}) }, messages.CodeConnectFailed, "no HTTP/2 streams", true},
		{"a frame that cannot be", func(s *script) {
			c := s.acceptH2()
			c.request()
			_ = c.WriteRawFrame(http2.FrameData, 0, 0, []byte("abc")) // of no stream
		}, messages.CodeBadResponse, "", false},
		{"no status", func(s *script) {
			c := s.acceptH2()
			c.respond(c.request(), "abc", true)
		}, messages.CodeBadResponse, "", false},
		{"broken before the head", func(s *script) {
			c := s.acceptH2()
			c.request()
			_ = c.Close()
		}, messages.CodeReset, "", false},
		{"gone though it took the request", func(s *script) {
			c := s.acceptH2()
			_ = c.WriteGoAway(c.request(), http2.ErrCodeNo, nil)
			_ = c.Close()
		}, messages.CodeReset, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := scripted(t)
			codec := framesTo(t, messages.Transport{TotalConnectionTimeout: patience})
			s := start(codec, peer.addr(), "POST", nil)
			tt.play(peer)
			err := <-s.err
			check(t, err, tt.code, tt.unsent)
			if !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("got %v, want %q in it", err, tt.detail)
			}
			eventually(t, "no connection left", func() bool { return codec.Stats().Open == 0 || tt.name == "no status" })
		})
	}
}

func TestCutBreaksStreamsAndLaterOnesGoOn(t *testing.T) {
	peer := scripted(t)
	codec := framesTo(t, messages.Transport{})
	s := start(codec, peer.addr(), "POST", nil)
	c := peer.acceptH2()
	c.request()
	codec.Cut("127.0.0.1:1")
	codec.Cut(peer.addr())
	check(t, <-s.err, messages.CodeReset, false)
	if !c.closed() {
		t.Error("the connection stays")
	}
	s = start(codec, peer.addr(), "POST", nil)
	c = peer.acceptH2()
	one := c.request()
	codec.Retire(peer.addr()) // what is under way goes on, and nothing follows
	next := start(codec, peer.addr(), "POST", nil)
	c2 := peer.acceptH2()
	c2.respond(c2.request(), "202", true)
	next.status(t)
	c.respond(one, "201", true)
	if got := s.status(t); got != 201 || !c.closed() {
		t.Errorf("got %d", got)
	}
}
