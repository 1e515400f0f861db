package nethttp_test

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

type stalling struct {
	text     string
	stuck    chan struct{} // closed when a read hangs
	release  chan struct{}
	readers  atomic.Int32
	finished atomic.Bool // no read is allowed any more
	bad      atomic.Bool
	code     messages.Code
}

func newStalling(text string) *stalling {
	return &stalling{text: text, stuck: make(chan struct{}), release: make(chan struct{})}
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.finished.Load() || s.readers.Add(1) != 1 {
		s.bad.Store(true)
	}
	defer s.readers.Add(-1)
	if s.text != "" {
		n := copy(p, s.text)
		s.text = s.text[n:]
		return n, nil
	}
	close(s.stuck)
	<-s.release
	s.text = "more" // a race, if anyone still reads
	return 0, &proxy.Failure{Code: s.code, Err: io.ErrClosedPipe}
}

func (s *stalling) over(t *testing.T) {
	t.Helper()
	if s.readers.Load() != 0 {
		t.Error("the body is still being read")
	}
	s.finished.Store(true)
}

type fakeClient struct {
	proxy.ClientStream
	body *stalling
	hint func(int)
}

func (c *fakeClient) InterruptBody(code messages.Code) {
	c.body.code = code
	close(c.body.release)
}

func (c *fakeClient) Informational(status int, _ *proxy.Fields) error {
	c.hint(status)
	return nil
}

func TestNobodyReadsTheBodyAfterAFailure(t *testing.T) {
	peer := scripted(t)
	body := newStalling("abc")
	x := newExchange(peer.addr(), "POST", body, -1)
	x.Client = &fakeClient{body: body}
	go func() {
		p := peer.accept()
		p.head()
		<-body.stuck
		_ = p.Close()
	}()
	err := newCodec(t, messages.Transport{}).Send(x)
	body.over(t)
	check(t, err, messages.CodeReset, false)
	if body.code != messages.CodeReset || body.bad.Load() {
		t.Errorf("interrupted with %q, misread %v", body.code, body.bad.Load())
	}
}

func TestAReadUnderWayIsWaitedFor(t *testing.T) {
	peer := scripted(t)
	body := newStalling("abc")
	x := newExchange(peer.addr(), "POST", body, -1)
	go func() {
		p := peer.accept()
		p.head()
		<-body.stuck
		_ = p.Close()
		time.AfterFunc(short, func() { close(body.release) }) // the client's next bytes
	}()
	err := newCodec(t, messages.Transport{}).Send(x)
	body.over(t)
	check(t, err, messages.CodeReset, false)
}

func TestNobodyReadsTheBodyAfterClose(t *testing.T) {
	peer := scripted(t)
	body := newStalling("abc")
	x := newExchange(peer.addr(), "POST", body, -1)
	x.Client = &fakeClient{body: body}
	go func() {
		p := peer.accept()
		p.head()
		<-body.stuck
		p.send("HTTP/1.1 413 Too Large\nContent-Length: 3\n\nno\n")
	}()
	if err := newCodec(t, messages.Transport{}).Send(x); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(x.Response.Body); string(got) != "no\r" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_ = x.Response.Body.Close()
	body.over(t)
}

func TestTheClientsFaultIsNotThePeers(t *testing.T) {
	peer := peertest.Start(t)
	body := newStalling("abc")
	body.code = messages.CodeClientSlow
	close(body.release)
	x := newExchange(peer.Addr(), "POST", body, -1)
	check(t, newCodec(t, messages.Transport{}).Send(x), messages.CodeClientSlow, false)
}

func TestInformationalComesBeforeTheHeadAndNeverAfterAFailure(t *testing.T) {
	peer := scripted(t)
	go func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: l\n\n")
		_ = p.Close()
	}()
	x := newExchange(peer.addr(), "GET", nil, 0)
	var hints []int // a race, if told after Send returned
	x.Client = &fakeClient{hint: func(status int) { hints = append(hints, status) }}
	check(t, newCodec(t, messages.Transport{}).Send(x), messages.CodeReset, false)
	if len(hints) != 1 || hints[0] != 103 {
		t.Errorf("got %v, want 103 alone", hints)
	}
}

func TestAnInformationalResponseBeingSentIsWaitedFor(t *testing.T) {
	peer := scripted(t)
	go func() {
		p := peer.accept()
		p.head()
		p.send("HTTP/1.1 103 Early Hints\n\n")
	}()
	x := newExchange(peer.addr(), "GET", nil, 0)
	x.Deadline = time.Now().Add(short)
	told := 0 // a race, if Send does not wait
	x.Client = &fakeClient{hint: func(int) {
		<-time.After(4 * short) // a client that takes it slowly
		told++
	}}
	check(t, newCodec(t, messages.Transport{}).Send(x), messages.CodeTimeout, false)
	if told != 1 {
		t.Errorf("told %d times when Send returned", told)
	}
}
