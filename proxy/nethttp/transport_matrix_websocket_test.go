package nethttp_test

import (
	"bufio"
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The opcodes of frames (RFC 6455, 5.2).
const (
	moreFrame  = 0
	dataFrame  = 2
	closeFrame = 8
)

// The key of RFC 6455, 1.3, and what it must be answered with.
const (
	socketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	socketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// frame is a frame of a WebSocket.
type frame struct {
	op      byte
	more    bool // the message goes on in the next frame
	payload []byte
}

// maskKey is what clients mask the bytes of frames with (RFC 6455, 5.3), again and again.
const maskKey = "\x37\xfa\x21\x3d"

// mask masks b, or takes the mask off.
func mask(b []byte) {
	key := []byte(strings.Repeat(maskKey, 1024))
	for some := range slices.Chunk(b, len(key)) {
		subtle.XORBytes(some, some, key)
	}
}

// write sends the frame. Those of clients are masked.
func (f frame) write(w io.Writer, masked bool) error {
	head := []byte{f.op, 127}
	if !f.more {
		head[0] |= 0x80
	}
	head, payload := binary.BigEndian.AppendUint64(head, uint64(len(f.payload))), f.payload
	if masked {
		head[1] |= 0x80
		head, payload = append(head, maskKey...), slices.Clone(payload)
		mask(payload)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

// readFrame reads a frame as write sends it.
func readFrame(r io.Reader) (frame, error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{op: head[0] & 0xf, more: head[0]&0x80 == 0}
	size, masked := binary.BigEndian.Uint64(head[2:]), head[1]&0x80 != 0
	if head[1]&0x7f != 127 || size > 64<<20 {
		return f, fmt.Errorf("% x begins no frame", head)
	}
	var key [len(maskKey)]byte
	if masked {
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return f, err
		}
		if string(key[:]) != maskKey {
			return f, fmt.Errorf("the mask is % x", key)
		}
	}
	f.payload = make([]byte, size)
	_, err := io.ReadFull(r, f.payload)
	if masked {
		mask(f.payload)
	}
	return f, err
}

// readMessage reads up to the end of a message, and returns its opcode and in how
// many frames it came.
func readMessage(r io.Reader) (op byte, frames int, message []byte, err error) {
	first, err := readFrame(r)
	op, frames, message = first.op, 1, first.payload
	for f := first; err == nil && f.more; frames++ {
		f, err = readFrame(r)
		if message = append(message, f.payload...); err == nil && f.op != moreFrame {
			err = fmt.Errorf("frame %d of a message has the opcode %d", frames, f.op)
		}
	}
	return op, frames, message, err
}

// fragments is in how many frames a message of unknown length is sent.
const fragments = 3

// framesOf returns the messages of a cell, one way.
func framesOf(body, way string) []frame {
	all := content(body, way)
	switch body {
	case smallBody, bigBody:
		return []frame{{op: dataFrame, payload: all}}
	case unsizedBody:
		third := len(all) / fragments
		return []frame{{dataFrame, true, all[:third]}, {moreFrame, true, all[third : 2*third]}, {moreFrame, false, all[2*third:]}}
	}
	return nil
}

// farewell is the last frame. It tells what a trailer would: the code 1000, and a
// reason (RFC 6455, 7.1.6).
func farewell(body, way string) frame {
	return frame{op: closeFrame, payload: append([]byte{0x03, 0xe8}, way+" "+wantHash(body, way)...)}
}

// hear reads the message of a cell, if one is to come, and the farewell.
func hear(r io.Reader, body string) map[string]string {
	got := map[string]string{}
	if framesOf(body, "there") != nil {
		op, frames, message, err := readMessage(r)
		got["got"] = fmt.Sprintf("%d in %d: %s", op, frames, hashOf(message))
		if err != nil {
			got["got"] += ", then " + err.Error()
		}
	}
	op, _, reason, err := readMessage(r)
	if got["farewell"] = fmt.Sprintf("%d %q", op, reason); err != nil {
		got["farewell"] = err.Error()
	}
	return got
}

// talkFrames is the peer's side of a WebSocket.
func (v *visit) talkFrames(t testing.TB, w http.ResponseWriter, r *http.Request) {
	body := r.Header.Get(bodyField)
	v.note(map[string]string{"upgrade": strings.Join(r.Header["Upgrade"], ","), "key": r.Header.Get("Sec-Websocket-Key")})
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijack: %v", err)
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + socketAccept + "\r\n\r\n")
	_ = rw.Flush()
	if body == eventsBody {
		for event := range v.next {
			_ = frame{op: dataFrame, payload: []byte(event)}.write(conn, false) // the client misses it
		}
	}
	v.note(hear(rw, body))
	for _, f := range append(framesOf(body, "back"), farewell(body, "back")) {
		_ = f.write(conn, false) // the client misses it
	}
}

// overWebSocket plays a cell with a client of WebSockets.
func (c *cell) overWebSocket(t *testing.T, s *stage) map[string]string {
	var client *wire
	if c.client.tls {
		client = s.ca.dial(t, s.house.addr, s.ca.trust("a", "http/1.1"))
	} else {
		client = dial(t, s.house.addr)
	}
	if err := client.SetDeadline(s.deadline()); err != nil {
		t.Fatal(err)
	}
	client.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: %s\n%s: %s\n%s: %s\n\n",
		socketKey, cellField, s.id, bodyField, c.body)
	resp, err := http.ReadResponse(client.r, nil)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	got := map[string]string{"status": fmt.Sprint(resp.StatusCode), "protocol": resp.Proto, "X-Weir-Error": resp.Header.Get("X-Weir-Error"),
		"accept": resp.Header.Get("Sec-WebSocket-Accept")}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(resp.Body)
		got["got"], _, _ = strings.Cut(string(text), "\n")
		return got
	}
	if c.body == eventsBody {
		got["events"] = s.hearEvents(t, client.r)
	}
	for _, f := range append(framesOf(c.body, "there"), farewell(c.body, "there")) {
		if err := f.write(client, true); err != nil {
			t.Errorf("send: %v", err)
		}
	}
	for what, value := range hear(client.r, c.body) {
		got[what] = value
	}
	if _, err := client.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the farewell: %v, want the end", err)
	}
	return got
}

// hearEvents has each message arrive before the next is sent, and returns them.
func (s *stage) hearEvents(t *testing.T, r *bufio.Reader) string {
	var got [][]byte
	for i := range events {
		if !s.release(t, i) {
			break
		}
		_, _, message, err := readMessage(r)
		if err != nil {
			return fmt.Sprintf("%q, then %v", got, err)
		}
		got = append(got, message)
	}
	s.visit.noMore()
	return string(bytes.Join(got, []byte(",")))
}

// wantOfWebSocket says what overWebSocket must find.
func (c *cell) wantOfWebSocket(want map[string]string) {
	want["protocol"], want["accept"], want["X-Weir-Error"] = "HTTP/1.1", "", ""
	if c.mark == 'w' {
		want["status"], want["X-Weir-Error"] = "400", "bad_request"
		want["got"] = "bad_request: the request is malformed"
		return
	}
	want["status"], want["accept"], want["peer: upgrade"], want["peer: key"] = "101", socketAccept, "websocket", socketKey
	for side, way := range map[string]string{"": "back", "peer: ": "there"} {
		if all := framesOf(c.body, way); all != nil {
			want[side+"got"] = fmt.Sprintf("%d in %d: %s", dataFrame, len(all), wantHash(c.body, way))
		}
		want[side+"farewell"] = fmt.Sprintf("%d %q", closeFrame, farewell(c.body, way).payload)
	}
	if c.body == eventsBody {
		want["events"] = allEvents()
	}
}
