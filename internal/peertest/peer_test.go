package peertest_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
)

const short = 30 * time.Millisecond

// ask sends a POST and returns status and body.
func ask(t *testing.T, tr *http.Transport, addr string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/p?q", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func newTransport(t *testing.T) *http.Transport {
	tr := &http.Transport{ResponseHeaderTimeout: 5 * short}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestManners(t *testing.T) {
	for _, tt := range []struct {
		name   string
		manner peertest.Manner
		status int
		body   string
		failed func(error) bool
	}{
		{"well", peertest.OK(), 200, "ok\n", nil},
		{"sick", peertest.Sick(), 503, "sick\n", nil},
		{"dripping", peertest.Drip(time.Millisecond), 200, "ok\n", nil},
		{"closing after the answer", peertest.CloseAfter(), 200, "ok\n", nil},
		{"hanging", peertest.Hang(), 0, "", func(err error) bool { var ne net.Error; return errors.As(err, &ne) && ne.Timeout() }},
		{"refusing", peertest.Refuse(), 0, "", func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		{"resetting before the head", peertest.ResetBeforeHead(), 0, "", func(err error) bool { return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) }},
		{"resetting within the body", peertest.ResetMidBody(), 200, "", func(err error) bool { return err != nil }},
		{"talking garbage", peertest.Garbage("garbage\r\n\r\n"), 0, "", func(err error) bool { return strings.Contains(err.Error(), "malformed") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := peertest.Start(t)
			p.Set(tt.manner)
			tr := newTransport(t)
			status, body, err := ask(t, tr, p.Addr())
			if tt.failed != nil {
				if err == nil || !tt.failed(err) {
					t.Errorf("got %d %q %v", status, body, err)
				}
			} else if err != nil || status != tt.status || body != tt.body {
				t.Errorf("got %d %q %v", status, body, err)
			}
			// Whatever it did, it gets well at the same address.
			p.Set(peertest.OK())
			tr.CloseIdleConnections()
			if status, body, err := ask(t, newTransport(t), p.Addr()); status != 200 || body != "ok\n" || err != nil {
				t.Errorf("then got %d %q %v", status, body, err)
			}
		})
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	p := peertest.Start(t)
	if _, _, err := ask(t, newTransport(t), p.Addr()); err != nil {
		t.Fatal(err)
	}
	seen := p.Await(1)
	if r := seen[0]; r.Method != "POST" || r.Target != "/p?q" || r.Host != p.Addr() || string(r.Body) != "abc" || r.Conn != 1 || r.Chunked {
		t.Errorf("got %+v", r)
	}
}

func TestCloseIdleClosesAfterTheAnswer(t *testing.T) {
	p := peertest.Start(t)
	p.Set(peertest.CloseIdle(short))
	if _, _, err := ask(t, newTransport(t), p.Addr()); err != nil {
		t.Fatal(err)
	}
	p.AwaitConns(0)
	if n := p.Accepted(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestRefuseCutsWhatIsOpen(t *testing.T) {
	p := peertest.Start(t)
	if _, _, err := ask(t, newTransport(t), p.Addr()); err != nil {
		t.Fatal(err)
	}
	p.AwaitConns(1)
	p.Set(peertest.Refuse())
	p.AwaitConns(0)
}
