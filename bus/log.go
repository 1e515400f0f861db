package bus

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// component is the field that tells the server's lines from weir's.
const component = "nats-server"

// clientLinesPerSecond bounds the log lines that clients can cause.
const clientLinesPerSecond = 10

// serverLog is the logger of the NATS server. It implements server.Logger. The
// server calls it under a lock, so it never calls back.
type serverLog struct {
	log *slog.Logger
	// broken gets what the server says when it can write no more to its store; at
	// most one text waits.
	broken chan string

	mu     sync.Mutex
	fatal  string // the first one
	window time.Time
	lines  int
	hidden int
}

// Noticef takes what the server says at start and end: of interest to nobody
// but those who look for a fault.
func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats server notice", "component", component, "text", fmt.Sprintf(format, v...))
}

// Debugf and Tracef do nothing: the server is told not to call them, since its
// traces hold passwords.
func (l *serverLog) Debugf(string, ...any) {}

// Tracef is like Debugf.
func (l *serverLog) Tracef(string, ...any) {}

// Warnf takes warnings.
func (l *serverLog) Warnf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.HasPrefix(text, "Plaintext passwords detected") {
		// Meant for passwords in a server's configuration file. Here they are
		// made at each start or come from a secret file.
		return
	}
	l.watchStore(text)
	l.write(slog.LevelWarn, text)
}

// Errorf takes errors. What one client does wrong is a warning.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.watchStore(text)
	l.write(slog.LevelError, text)
}

// watchStore notices when the server gives its store up. It says so in no other
// way: messages then stay without an acknowledgement until JetStream starts again.
func (l *serverLog) watchStore(text string) {
	for _, sign := range []string{"ritical write error", "disabling JetStream", "will be DISABLED"} {
		if strings.Contains(text, sign) {
			select {
			case l.broken <- text:
			default:
			}
		}
	}
}

// Fatalf takes what the server cannot go on after; the server's own loggers
// would end the process. Start asks for it.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		l.fatal = fmt.Sprintf(format, v...)
	}
}

// died returns what the server could not go on after, or "".
func (l *serverLog) died() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *serverLog) write(level slog.Level, text string) {
	hidden := 0
	if strings.Contains(text, " - cid:") { // about one client
		level = min(level, slog.LevelWarn)
		var ok bool
		if hidden, ok = l.allow(time.Now()); !ok {
			return
		}
	}
	line := l.log.With("component", component, "text", text)
	if hidden > 0 {
		line = line.With("suppressed", hidden)
	}
	if level == slog.LevelError {
		line.Error("nats server error")
		return
	}
	line.Warn("nats server warning")
}

// allow tells whether a line about a client may be written, and how many were not since the last.
func (l *serverLog) allow(now time.Time) (hidden int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.window) >= time.Second {
		l.window, l.lines = now, 0
	}
	if l.lines >= clientLinesPerSecond {
		l.hidden++
		return 0, false
	}
	l.lines++
	hidden, l.hidden = l.hidden, 0
	return hidden, true
}
