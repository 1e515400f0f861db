package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// Screen prints lines and, on a terminal, keeps one live line below them. Its
// methods may be called from many goroutines.
type Screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	color    bool
	live     string
}

// NewScreen returns a screen on out. Without a terminal there is no live line,
// only what Println prints; color says whether words are coloured.
func NewScreen(out io.Writer, terminal, color bool) *Screen {
	return &Screen{out: out, terminal: terminal, color: color}
}

// Color names what is painted.
type Color string

// The colours, as ANSI codes.
const (
	Bold   Color = "1"
	Dim    Color = "2"
	Red    Color = "31"
	Green  Color = "32"
	Yellow Color = "33"
	Cyan   Color = "36"
)

// Paint returns text in a colour, or as it is where there are none.
func (s *Screen) Paint(c Color, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Println prints a line above the live line.
func (s *Screen) Println(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal && s.live != "" {
		_, _ = fmt.Fprint(s.out, "\r\x1b[2K") // the screen is gone: nobody to tell
	}
	_, _ = fmt.Fprintln(s.out, line)
	if s.terminal && s.live != "" {
		_, _ = fmt.Fprint(s.out, s.live)
	}
}

// Terminal tells whether there is a live line.
func (s *Screen) Terminal() bool { return s.terminal }

// Live replaces the live line. Without a terminal it prints nothing.
func (s *Screen) Live(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal || line == s.live {
		return
	}
	s.live = line
	_, _ = fmt.Fprint(s.out, "\r\x1b[2K", line)
}

// Done leaves the live line where it is and ends the line.
func (s *Screen) Done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal && s.live != "" {
		_, _ = fmt.Fprintln(s.out)
	}
	s.live = ""
}

// Totals is what the live line tells.
type Totals struct{ Requests, Failed, Flips, Retried uint64 }

// String prints "18,204 requests · 0 failed · 7 flips · 212 retried".
func (t Totals) String() string {
	return fmt.Sprintf("%s requests · %s failed · %s flips · %s retried",
		thousands(t.Requests), thousands(t.Failed), thousands(t.Flips), thousands(t.Retried))
}

func thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
