package nethttp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// fakeSocket is a client's connection in memory.
type fakeSocket struct {
	io.Reader
	bounds int
	limit  bool
	told   string
}

func (s *fakeSocket) bound(time.Time) { s.bounds++ }
func (s *fakeSocket) isLimit() bool   { return s.limit }
func (s *fakeSocket) beginHTTP2()     {}

func (s *fakeSocket) dismiss(tooMuch string) { s.told = tooMuch }

func newInbound(r io.Reader) *inbound {
	return &inbound{socket: &fakeSocket{Reader: r}, maxHead: 64 << 10, maxFields: 100, timeout: time.Minute}
}

// requests reads all requests that an inbound gives out, as net/http would, and
// returns their targets and bodies. It stops at a refusal.
func requests(t *testing.T, in *inbound) (seen []string) {
	r := bufio.NewReader(in)
	for {
		req, err := http.ReadRequest(r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && in.refused == nil {
			return seen
		}
		if err != nil {
			t.Errorf("net/http refuses what was given to it: %v", err)
			return seen
		}
		if req.Method == refusedMethod && req.RequestURI == "*" {
			if in.refused == nil {
				t.Error("a client sent our own mark")
			}
			return seen
		}
		if len(req.Header["Host"]) > 0 {
			t.Errorf("hosts %q", req.Header["Host"])
		}
		body, err := io.ReadAll(req.Body)
		cutShort := in.state == inChunks || in.state == inSized
		if err != nil && !in.malformed.Load() && !cutShort {
			t.Errorf("net/http reads the body %q in another way: %v", body, err)
		}
		seen = append(seen, req.Method+" "+req.RequestURI+" "+string(body))
		if err != nil {
			return seen
		}
	}
}

// FuzzInbound has net/http read what was found good. It must agree about where
// each request ends, find nothing to refuse itself, and see the same whatever
// the pieces in which it came.
func FuzzInbound(f *testing.F) {
	const host = " HTTP/1.1\r\nHost: a\r\n"
	for _, seed := range []string{
		"GET /" + host + "\r\n", "\r\n\r\nGET http://a/x?y" + host + "\r\nGET /" + host + "\r\n",
		"POST /" + host + "Content-Length: 3\r\n\r\nabcGET /" + host + "\r\n",
		"POST /" + host + "Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX: y\r\n\r\nGET /" + host + "\r\n",
		"POST /" + host + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
		"GET /" + host + "Upgrade: x\r\n\r\nGET /" + host + "\r\n", "OPTIONS *" + host + "\r\n", "GET //[::1]:8/%41?%" + host + "\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "GET http://[::1%25]/" + host + "\r\n",
		"GET / HTTP/1.1\r\nHost:  a:65536 \r\nConnection: close\r\n\r\n", "POST /" + host + "Content-Length: 010\r\n\r\n0123456789",
		"GET /" + host + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 4\r\n\r\n",
		"GET http:a" + host + "\r\n", "GET http://a:b/" + host + "\r\n", "REFUSED *" + host + "\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole := newInbound(strings.NewReader(text))
		seen := requests(t, whole)
		pieces := newInbound(iotest.OneByteReader(strings.NewReader(text)))
		again := requests(t, pieces)
		if strings.Join(seen, "|") != strings.Join(again, "|") || (whole.refused == nil) != (pieces.refused == nil) {
			t.Errorf("whole: %q (%v); in pieces: %q (%v)", seen, whole.refused, again, pieces.refused)
		}
	})
}

func TestAReadGivesNothingOfTheNextMessage(t *testing.T) {
	const first, second = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
	in := newInbound(strings.NewReader(first + "abc" + second))
	p := make([]byte, 4096)
	for _, want := range []string{first, "abc", second} {
		if n, err := in.Read(p); string(p[:n]) != want || err != nil {
			t.Errorf("got %q, %v; want %q", p[:n], err, want)
		}
	}
	if in.held != nil {
		t.Error("an idle connection holds memory")
	}
}

// TestWhatComesBetweenMessagesWaits reads as net/http does while it serves.
func TestWhatComesBetweenMessagesWaits(t *testing.T) {
	text := "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
	in := newInbound(io.MultiReader(iotest.OneByteReader(strings.NewReader(text)), iotest.ErrReader(os.ErrDeadlineExceeded), strings.NewReader("")))
	if n, err := in.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d, %v, want the end of the wait", n, err)
	}
	in.socket = &fakeSocket{Reader: strings.NewReader("")}
	if n, err := in.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d, %v, want the client's end", n, err)
	}
	if seen := requests(t, in); len(seen) != 1 {
		t.Errorf("then came %q", seen)
	}
}

// TestWhatComesBetweenMessagesIsBounded has a client send without end.
func TestWhatComesBetweenMessagesIsBounded(t *testing.T) {
	in := newInbound(&endless{text: strings.Repeat("x", 1000)})
	if n, err := in.Read(make([]byte, 1)); n != 0 || err != nil || len(in.held) < 64<<10 || cap(in.held) > 256<<10 {
		t.Errorf("got %d, %v, and %d bytes are held, in %d", n, err, len(in.held), cap(in.held))
	}
}

func TestWhatFollowsAnUpgradeIsTheTunnels(t *testing.T) {
	in := newInbound(strings.NewReader("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nbad\nbytes" + strings.Repeat("x", 100<<10)))
	p := make([]byte, 4096)
	if n, _ := in.Read(p); !bytes.HasSuffix(p[:n], []byte("\r\n\r\n")) {
		t.Errorf("got %q", p[:n])
	}
	if n, err := in.Read(p[:1]); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	in.state = inRaw
	got, err := io.ReadAll(in)
	if !bytes.HasPrefix(got, []byte("bad\nbytes")) || len(got) != 9+100<<10 || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestAHeadThatIsLateIsRefusedOnlyWhenTheTimeWasALimit(t *testing.T) {
	for _, limit := range []bool{true, false} {
		socket := &fakeSocket{Reader: io.MultiReader(strings.NewReader("GET /"), iotest.ErrReader(os.ErrDeadlineExceeded)), limit: limit}
		in := newInbound(nil)
		in.socket = socket
		n, err := in.Read(make([]byte, 4096))
		if limit != (in.refused != nil) || limit != (n > 0) || limit == (err != nil) {
			t.Errorf("limit %t: %d, %v, refused %v", limit, n, err, in.refused)
		}
		if socket.bounds != 2 {
			t.Errorf("bound %d times, want set and taken off", socket.bounds)
		}
	}
}

func BenchmarkInbound(b *testing.B) {
	const request = "GET /v1/users?id=7 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,application/xhtml+xml\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef; theme=dark\r\nConnection: keep-alive\r\n\r\n"
	source := &endless{text: request}
	in := newInbound(source)
	p := make([]byte, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		if n, err := in.Read(p); n != len(request) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// endless gives the same text at each read.
type endless struct{ text string }

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.text), nil }
