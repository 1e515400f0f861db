package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newPeer(t *testing.T) *Peer {
	t.Helper()
	p, err := StartPeer("peer-1", 19001, 19101)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// request sends one request by a connection of its own and waits 200 ms at most.
func request(t *testing.T, method, url string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestAPeerBehavesAsItsMoodSays(t *testing.T) {
	p := newPeer(t)
	url := "http://" + p.Addr() + "/"
	order := func(mood Mood) {
		t.Helper()
		status, body, err := request(t, http.MethodPost, "http://"+p.Control()+"/"+string(mood))
		if err != nil || status != 200 || !strings.Contains(body, string(mood)) {
			t.Fatalf("order %s: %d %q %v", mood, status, body, err)
		}
	}
	if status, body, err := request(t, http.MethodGet, url); status != 200 || !strings.HasPrefix(body, "hello from peer-1") {
		t.Errorf("well: %d %q %v", status, body, err)
	}
	order(Sick)
	if status, _, err := request(t, http.MethodGet, url); status != 503 {
		t.Errorf("sick: %d %v", status, err)
	}
	order(Hang)
	var timeout net.Error
	if _, _, err := request(t, http.MethodGet, url); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("hanging: %v, want a timeout", err)
	}
	order(Refuse)
	if _, _, err := request(t, http.MethodGet, url); err == nil || timeout.Timeout() && errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("refusing: %v, want a refusal", err)
	}
	order(Well)
	if status, _, err := request(t, http.MethodGet, url); status != 200 {
		t.Errorf("well again, at the same address: %d %v", status, err)
	}
}

func TestAnUnknownMoodIsRefused(t *testing.T) {
	p := newPeer(t)
	if err := p.SetMood("happy"); !errors.Is(err, ErrMood) {
		t.Errorf("got %v, want %v", err, ErrMood)
	}
	if status, body, err := request(t, http.MethodPost, "http://"+p.Control()+"/happy"); status != 400 || !strings.Contains(body, "sick") {
		t.Errorf("got %d %q %v, want 400 and the moods there are", status, body, err)
	}
}

func TestATakenPortMeansTheNextFreeOne(t *testing.T) {
	first, second := newPeer(t), newPeer(t)
	if first.Addr() == second.Addr() || first.Control() == second.Control() {
		t.Errorf("two peers at %s and %s, controls %s and %s", first.Addr(), second.Addr(), first.Control(), second.Control())
	}
}

func TestTotalsAreReadable(t *testing.T) {
	got := Totals{Requests: 18204, Flips: 7, Retried: 1234567}.String()
	if want := "18,204 requests · 0 failed · 7 flips · 1,234,567 retried"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinesComeAboveTheLiveLine(t *testing.T) {
	var terminal, file bytes.Buffer
	for _, s := range []*Screen{NewScreen(&terminal, true, true), NewScreen(&file, false, false)} {
		s.Live("10 requests")
		s.Println(s.Paint(Red, "flip"))
		s.Done()
	}
	if want := "\r\x1b[2K10 requests\r\x1b[2K\x1b[31mflip\x1b[0m\n10 requests\n"; terminal.String() != want {
		t.Errorf("terminal: got %q, want %q", terminal.String(), want)
	}
	if file.String() != "flip\n" {
		t.Errorf("file: got %q, want the line alone", file.String())
	}
}
