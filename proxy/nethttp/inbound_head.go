package nethttp

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// readHead gives out a head that came in one piece. Otherwise it moves on by a
// step and gives out nothing.
func (in *inbound) readHead(p []byte) (int, error) {
	if len(in.held) > 0 {
		if in.scanHeld(); in.ready > 0 || in.state != inHead {
			return 0, nil
		}
		if len(in.held) > 0 {
			return 0, in.readMore()
		}
	}
	n, err := in.socket.Read(p)
	if n == 0 {
		return 0, err
	}
	if p[0] == '\r' || in.http2 != prefaceRefused {
		in.hold(p[:n])
		return 0, nil
	}
	in.head, in.scanned = headScanner{maxFields: in.maxFields}, 0
	switch end, no := in.scan(p[:n]); {
	case no != nil:
		in.refuse(no)
	case end > 0:
		in.hold(p[end:n])
		in.beginBody()
		return end, nil
	default:
		in.hold(p[:n])
	}
	return 0, nil
}

// scanHeld goes on with what is held of a head, or begins with it.
func (in *inbound) scanHeld() {
	if in.http2 != prefaceRefused && in.decide() {
		return
	}
	if in.scanned == 0 {
		in.head = headScanner{maxFields: in.maxFields}
		// Empty lines before a request are of no meaning (RFC 9112, 2.2).
		for bytes.HasPrefix(in.held, []byte("\r\n")) {
			in.held = in.held[2:]
		}
		if len(in.held) == 0 {
			in.held = nil
			return
		}
	}
	switch end, no := in.scan(in.held); {
	case no != nil:
		in.refuse(no)
	case end > 0:
		in.ready = end
		in.beginBody()
	}
}

// scan hands the lines in data that are whole to the head scanner, and returns
// where the head ends; 0 = it goes on.
func (in *inbound) scan(data []byte) (end int, no *refusal) {
	for {
		rest := data[in.scanned:]
		lf := bytes.IndexByte(rest, '\n')
		line := rest
		if lf >= 0 {
			line = rest[:lf]
		}
		switch cr := bytes.IndexByte(line, '\r'); {
		case cr >= 0 && cr < len(line)-1:
			return 0, &refusal{400, "has a CR without LF in its head"}
		case lf >= 0 && cr < 0:
			return 0, &refusal{400, "has a LF without CR in its head"}
		case in.scanned+len(line) > in.maxHead:
			return 0, &refusal{431, "has a head that is too large"}
		case lf < 0:
			return 0, nil
		}
		in.scanned += lf + 1
		if last, no := in.head.next(line[:lf-1]); no != nil || last {
			return in.scanned, no
		}
	}
}

// readMore reads more of a head of which the beginning is held.
func (in *inbound) readMore() error {
	if in.timeout > 0 {
		if in.began.IsZero() {
			in.began = time.Now()
		}
		in.socket.bound(in.began.Add(in.timeout))
		defer in.socket.bound(time.Time{})
	}
	in.held = slices.Grow(in.held, readStep)
	n, err := in.socket.Read(in.held[len(in.held):cap(in.held)])
	in.held = in.held[:len(in.held)+n]
	switch {
	case n > 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && in.socket.isLimit() && in.http2 != prefaceRequired:
		in.refuse(&refusal{408, "did not arrive in time"})
		return nil
	}
	return err
}

// refuse has the handler answer, and nothing more read.
func (in *inbound) refuse(no *refusal) {
	in.refused, in.state, in.broken = no, inVain, io.EOF
	in.held, in.ready = []byte(refusedHead), len(refusedHead)
}
