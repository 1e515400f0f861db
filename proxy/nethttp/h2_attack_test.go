package nethttp_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// The frames of HTTP/2 that the tests send (RFC 9113, 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway, frameContinuation = 0, 1, 3, 4, 7, 9
	endStream, endHeaders                                                              = 1, 4
)

// frame writes a frame; an error means that the server closed.
func (w *wire) frame(kind, flags byte, stream uint32, payload string) error {
	head := make([]byte, 9)
	binary.BigEndian.PutUint32(head, uint32(len(payload))<<8|uint32(kind))
	head[4] = flags
	binary.BigEndian.PutUint32(head[5:], stream)
	_, err := io.WriteString(w.Conn, string(head)+payload)
	return err
}

// read returns the next frame; kind -1 when the server closed.
func (w *wire) readFrame() (kind int, stream uint32, payload []byte) {
	head := make([]byte, 9)
	if _, err := io.ReadFull(w.r, head); err != nil {
		return -1, 0, nil
	}
	payload = make([]byte, binary.BigEndian.Uint32(head)>>8)
	if _, err := io.ReadFull(w.r, payload); err != nil {
		return -1, 0, nil
	}
	return int(head[3]), binary.BigEndian.Uint32(head[5:]), payload
}

// hpack writes fields as literals (RFC 7541, 6.2.2).
func hpack(fields ...string) string {
	var b strings.Builder
	text := func(s string) {
		if len(s) < 127 {
			b.WriteByte(byte(len(s)))
		} else {
			b.WriteByte(127)
			rest := len(s) - 127
			for ; rest >= 128; rest >>= 7 {
				b.WriteByte(byte(rest) | 128)
			}
			b.WriteByte(byte(rest))
		}
		b.WriteString(s)
	}
	for i := 0; i < len(fields); i += 2 {
		b.WriteByte(0)
		text(fields[i])
		text(fields[i+1])
	}
	return b.String()
}

func h2Head(more ...string) string {
	return hpack(append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}, more...)...)
}

func dialH2(t *testing.T, h *house) *wire {
	t.Helper()
	w := dial(t, h.addr)
	w.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if err := w.frame(frameSettings, 0, 0, ""); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRapidReset opens and resets streams as fast as it can (CVE-2023-44487).
func TestRapidReset(t *testing.T) {
	peer := peertest.Start(t)
	peer.Set(peertest.Hang())
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}}, peer.Addr())
	w := dialH2(t, h)
	go func() { _, _ = io.Copy(io.Discard, w.r) }()
	for i := range uint32(20_000) {
		if w.frame(frameHeaders, endStream|endHeaders, 2*i+1, h2Head()) != nil || w.frame(frameReset, 0, 2*i+1, "\x00\x00\x00\x08") != nil {
			break // cut off, which is as good
		}
	}
	_ = w.Close()
	h.quiet(t, peer.Addr())
	if n := peer.Accepted(); n > 2000 {
		t.Errorf("20000 resets made %d connections to the peer", n)
	}
}

// TestContinuationsWithoutEnd sends a head that never ends (CVE-2023-45288).
func TestContinuationsWithoutEnd(t *testing.T) {
	peer := peertest.Start(t)
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true}}, peer.Addr())
	w := dialH2(t, h)
	go func() { _, _ = io.Copy(io.Discard, w.r) }()
	sent := 0
	part := hpack("x-part", strings.Repeat("x", 16_000))
	for err := w.frame(frameHeaders, endStream, 1, h2Head()); err == nil; sent++ {
		if sent > 10_000 {
			t.Fatal("160 MB of a head were taken")
		}
		err = w.frame(frameContinuation, 0, 1, part)
	}
	if n := len(peer.Requests()); n != 0 {
		t.Errorf("the peer saw %d requests", n)
	}
}

// TestHeadsOfHTTP2 sends heads that are refused or must be cleaned.
func TestHeadsOfHTTP2(t *testing.T) {
	for name, tt := range map[string]struct {
		head   string
		status string // "" = the stream is reset
		seen   int
	}{
		"a good one":                  {h2Head(), "200", 1},
		"too many fields":             {h2Head(strings.Split(strings.Repeat("x,y,", 101)+"x,y", ",")...), "431", 0},
		"a coding":                    {h2Head("transfer-encoding", "chunked"), "400", 0},
		"a connection":                {h2Head("connection", "x-own"), "400", 0},
		"a name in upper case":        {h2Head("X-A", "b"), "", 0},
		"a line break in a value":     {h2Head("x", "a\r\nb: c"), "", 0},
		"a path without a slash":      {hpack(":method", "GET", ":scheme", "http", ":path", "a", ":authority", "a"), "", 0},
		"our own mark":                {hpack(":method", "REFUSED", ":scheme", "http", ":path", "*", ":authority", "a"), "400", 0},
		"above the root":              {hpack(":method", "GET", ":scheme", "http", ":path", "/../a", ":authority", "a"), "400", 0},
		"a host with a user":          {hpack(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u@a"), "", 0},
		"two hosts":                   {h2Head("host", "other"), "400", 0},
		"two hosts that agree":        {h2Head("host", "a"), "200", 1},
		"a host with its port":        {h2Head("host", "A:80"), "200", 1},
		"a host with another port":    {h2Head("host", "a:81"), "400", 0},
		"three hosts":                 {h2Head("host", "a", "host", "a"), "400", 0},
		"two hosts and no :authority": {hpack(":method", "GET", ":scheme", "http", ":path", "/", "host", "a", "host", "a"), "400", 0},
		"a whole URL as a path":       {hpack(":method", "GET", ":scheme", "http", ":path", "http://a/", ":authority", "a"), "400", 0},
		"a length without a body":     {h2Head("content-length", "5"), "400", 0},
		"a length of nothing":         {h2Head("content-length", "0"), "200", 1},
		"a length with a sign":        {h2Head("content-length", "+0"), "400", 0},
		"an empty length":             {h2Head("content-length", ""), "400", 0},
		"a list of lengths":           {h2Head("content-length", "0, 0"), "400", 0},
		"two lengths":                 {h2Head("content-length", "0", "content-length", "0"), "400", 0},
		"a length beyond measure":     {h2Head("content-length", "99999999999999999999"), "400", 0},
		"another expectation":         {h2Head("expect", "200-ok"), "417", 0},
	} {
		t.Run(name, func(t *testing.T) {
			peer := peertest.Start(t)
			h := open(t, plan{server: nethttp.ServerConfig{H2C: true}}, peer.Addr())
			w := dialH2(t, h)
			if err := w.frame(frameHeaders, endStream|endHeaders, 1, tt.head); err != nil {
				t.Fatal(err)
			}
			for {
				kind, stream, payload := w.readFrame()
				if kind == -1 || kind == frameGoAway || kind == frameReset && stream == 1 {
					if tt.status != "" {
						t.Errorf("reset, want %s", tt.status)
					}
					break
				}
				if kind == frameHeaders {
					if statusOf(payload) != tt.status {
						t.Errorf("got %q, want %q", statusOf(payload), tt.status)
					}
					break
				}
			}
			if seen := peer.Requests(); len(seen) != tt.seen || tt.seen == 1 && seen[0].Host != "a" {
				t.Errorf("the peer saw %v", seen)
			}
		})
	}
}

// statusOf reads the status at the beginning of a head (RFC 7541, appendix A):
// some have an index, the others come as a literal.
func statusOf(head []byte) string {
	switch {
	case head[0] == 0x88:
		return "200"
	case head[0] == 0x8c:
		return "400"
	case len(head) > 5 && head[1] == 3:
		return string(head[2:5])
	}
	return fmt.Sprintf("%q", head)
}

func TestSilenceInTheMiddleOfHTTP2EndsInTime(t *testing.T) {
	h := open(t, plan{server: nethttp.ServerConfig{H2C: true, IdleTimeout: 4 * short}})
	w := dialH2(t, h)
	began := time.Now()
	for kind := 0; kind != -1 && kind != frameGoAway; {
		kind, _, _ = w.readFrame()
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("an idle connection stays for %v", took)
	}
}
