package bus_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/weirproxy/weir/bus"
)

func TestTheServerLogsThroughSlog(t *testing.T) {
	var out lockedBuffer
	b := start(t, func(c *bus.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	})
	c := connect(t, b)
	for range 200 {
		if err := c.Publish("weir.evt.health.web.x", nil); err != nil {
			t.Fatal(err)
		}
	}
	c.refused()
	stop(t, b)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	violations := 0
	for _, line := range lines {
		var entry struct{ Level, Msg, Text string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry.Level != "WARN" || entry.Msg != "nats server warning" || !strings.Contains(entry.Text, "Publish Violation") {
			t.Errorf("unexpected line: %s", line)
		}
		violations++
	}
	if violations == 0 || violations > 50 {
		t.Errorf("%d lines for 200 violations; want some, and not one for each", violations)
	}
	if strings.Contains(out.String(), operatorToken) {
		t.Error("the token is in the log")
	}
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
