package nethttp

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// drip is a body of which a part comes after each pause, on a connection that
// keeps to its read deadline.
type drip struct {
	http.ResponseWriter
	size  int
	pause time.Duration
	by    time.Time
}

func (d *drip) SetReadDeadline(t time.Time) error { d.by = t; return nil }

func (d *drip) Read(p []byte) (int, error) {
	if left := time.Until(d.by); !d.by.IsZero() && left < d.pause {
		<-time.After(left) // of the bubble
		return 0, os.ErrDeadlineExceeded
	}
	<-time.After(d.pause)
	return min(d.size, len(p)), nil
}

// TestTheRateOfABodyIsAnAverageOverTheWaiting lets bodies come for a minute.
func TestTheRateOfABodyIsAnAverageOverTheWaiting(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  ServerConfig
		drip drip
		idle time.Duration // between reads, when nobody waits for the client
		ends time.Duration // 0 = goes on
	}{
		"slow from the start":          {ServerConfig{MinBodyRate: 100}, drip{size: 10, pause: time.Second}, 0, 5500 * time.Millisecond},
		"slow, and each read in time":  {ServerConfig{MinBodyRate: 100, BodyTimeout: 10 * time.Second}, drip{size: 10, pause: time.Second}, 0, 5500 * time.Millisecond},
		"as fast as it must be":        {ServerConfig{MinBodyRate: 100}, drip{size: 100, pause: time.Second}, 0, 0},
		"one read beyond BodyTimeout":  {ServerConfig{MinBodyRate: 1, BodyTimeout: time.Second}, drip{size: 10000, pause: 2 * time.Second}, 0, time.Second},
		"slow where nobody asks":       {ServerConfig{}, drip{size: 1, pause: time.Second}, 0, 0},
		"a peer that takes it slowly":  {ServerConfig{MinBodyRate: 100}, drip{size: 100, pause: time.Second}, 9 * time.Second, 0},
		"a pause that was not earned":  {ServerConfig{MinBodyRate: 100}, drip{size: 100, pause: 8 * time.Second}, 0, 5 * time.Second},
		"a pause that is earned later": {ServerConfig{MinBodyRate: 100}, drip{size: 1000, pause: 4 * time.Second}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b clientBody
				d := tt.drip
				b.start(http.NewResponseController(&d), &d, &tt.cfg, false, -1)
				var waited time.Duration
				for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(tt.idle) {
					from := time.Now()
					_, err := b.Read(make([]byte, 4096))
					waited += time.Since(from)
					if err == nil {
						continue
					}
					var f *proxy.Failure
					if !errors.As(err, &f) || f.Code != messages.CodeClientSlow || errors.Is(err, io.EOF) {
						t.Errorf("got %v", err)
					}
					if waited.Round(10*time.Millisecond) != tt.ends {
						t.Errorf("ended after %v, want %v", waited, tt.ends)
					}
					return
				}
				if tt.ends != 0 {
					t.Error("goes on")
				}
			})
		})
	}
}

// TestTheRateMayEnd takes the rate off while a read waits, and has none count on when
// nobody reads: over HTTP/2 that would end the body.
func TestTheRateMayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &waiting{more: make(chan struct{})}
		for name, tt := range map[string]struct {
			timeout, ends time.Duration // zero = none, goes on
		}{"with a timeout": {20 * time.Second, 20 * time.Second}, "without": {0, 0}} {
			var b clientBody
			b.start(http.NewResponseController(body), body, &ServerConfig{MinBodyRate: 100, BodyTimeout: tt.timeout}, false, -1)
			go func() { body.more <- struct{}{} }()
			if _, err := b.Read(make([]byte, 1)); err != nil || !body.by.IsZero() {
				t.Errorf("%s: %v, and the deadline stays: %v", name, err, body.by)
			}
			began, done := time.Now(), make(chan error)
			go func() {
				_, err := b.Read(make([]byte, 1))
				done <- err
			}()
			synctest.Wait()
			b.anyRate()
			var want time.Time
			if tt.ends > 0 {
				want = began.Add(tt.ends)
			}
			if body.mu.Lock(); !body.by.Equal(want) {
				t.Errorf("%s: the read may last to %v, want %v", name, body.by, want)
			}
			body.mu.Unlock()
			body.more <- struct{}{}
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// waiting is a body of which a byte comes when more does.
type waiting struct {
	http.ResponseWriter
	more chan struct{}
	mu   sync.Mutex
	by   time.Time
}

func (w *waiting) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.by = t
	return nil
}

func (w *waiting) Read([]byte) (int, error) { <-w.more; return 1, nil }
