package nethttp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// overHTTP plays a cell with a client of net/http.
func (c *cell) overHTTP(t *testing.T, s *stage) map[string]string {
	method := "POST"
	var body io.Reader = bytes.NewReader(content(c.body, "there"))
	switch c.body {
	case noBody, eventsBody:
		method, body = "GET", nil
	case unsizedBody:
		body = s.inTwo(content(c.body, "there"))
	}
	req, err := http.NewRequestWithContext(s.ctx, method, c.client.scheme()+"://"+s.house.addr+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(cellField, s.id)
	req.Header.Set(bodyField, c.body)
	if c.body == unsizedBody {
		req.Trailer = http.Header{"X-Sum": {wantHash(c.body, "there")}}
	}
	resp, err := s.speak.(*http.Transport).RoundTrip(req)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	got := map[string]string{"status": fmt.Sprint(resp.StatusCode), "protocol": resp.Proto,
		"length": fmt.Sprint(resp.ContentLength), "X-Weir-Error": resp.Header.Get("X-Weir-Error")}
	if c.body == eventsBody {
		got["got"] = s.takeEvents(t, resp.Body)
	} else {
		got["got"] = hashAll(resp.Body)
	}
	for name, values := range resp.Trailer {
		got["trailer "+name] = strings.Join(values, ",")
	}
	return got
}

// inTwo is a body of unknown length. Its rest follows when the peer has the beginning:
// nothing on the way may wait for more.
func (s *stage) inTwo(b []byte) io.Reader {
	const beginning = 1000
	return unsized{io.MultiReader(bytes.NewReader(b[:beginning]), pause{s}, bytes.NewReader(b[beginning:]))}
}

// pause is nothing that takes until the peer has the beginning of the body.
type pause struct{ s *stage }

func (p pause) Read([]byte) (int, error) {
	select {
	case <-p.s.visit.began:
		return 0, io.EOF
	case <-p.s.ctx.Done():
		return 0, fmt.Errorf("the beginning of the body does not reach the peer: %w", p.s.ctx.Err())
	}
}

// takeEvents has each event arrive before the next is sent, and returns them.
func (s *stage) takeEvents(t *testing.T, body io.Reader) string {
	var got []string
	lines := bufio.NewScanner(body)
	for i := range events {
		if !s.release(t, i) {
			break
		}
		if !lines.Scan() {
			return fmt.Sprintf("%q, then %v", got, lines.Err())
		}
		got = append(got, strings.TrimPrefix(lines.Text(), "data: "))
		lines.Scan() // the empty line
	}
	s.visit.noMore()
	for lines.Scan() {
		got = append(got, lines.Text())
	}
	if err := lines.Err(); err != nil {
		got = append(got, err.Error())
	}
	return strings.Join(got, ",")
}

// wantOfHTTP says what overHTTP must find.
func (c *cell) wantOfHTTP(want map[string]string) {
	want["status"], want["protocol"], want["X-Weir-Error"] = "200", "HTTP/1.1", ""
	if c.client.http2 {
		want["protocol"] = "HTTP/2.0"
	}
	if c.body == eventsBody {
		want["length"], want["got"] = "-1", allEvents()
		return
	}
	length := fmt.Sprint(len(content(c.body, "there"))) // the same both ways
	if c.body == unsizedBody {
		length = "-1"
		want["peer: trailer X-Sum"] = wantHash(c.body, "there")
		want["trailer X-Sum"], want["trailer X-Late"] = wantHash(c.body, "back"), "not announced"
	}
	want["length"], want["peer: length"] = length, length
	want["got"], want["peer: got"] = wantHash(c.body, "back"), wantHash(c.body, "there")
}
