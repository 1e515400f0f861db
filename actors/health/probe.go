package health

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weirproxy/weir/messages"
)

// maxDetail is the longest Detail of a Result, in bytes.
const maxDetail = 200

// Result is what one probe found.
type Result struct {
	// Code is CodeOK when the peer passed. CodeInternal says nothing of the
	// peer: the probe was cancelled, or could not be made.
	Code messages.Code
	// Detail says it for people ("status 503"); one line, at most 200 bytes,
	// without control characters.
	Detail string
	// Took is how long the probe took.
	Took time.Duration
}

// OK tells whether the peer passed.
func (r Result) OK() bool { return r.Code == messages.CodeOK }

// ProbeFunc probes the peer at addr (host:port or unix:/path) once. It returns soon after ctx
// is done, with CodeInternal; otherwise it bounds its time itself. It is called
// from many goroutines.
type ProbeFunc func(ctx context.Context, addr string) Result

// NewProbe returns what probes as check says. What can be derived from check is
// derived here, once. The error is an ErrBadCheck. A CA file that cannot be read
// is not an error but the result of each probe until it can be.
func NewProbe(check messages.CheckSpec) (ProbeFunc, error) {
	check = complete(check)
	if check.Port < 0 || check.Port > 65535 {
		return nil, fmt.Errorf("%w: port %d is not 1 to 65535", ErrBadCheck, check.Port)
	}
	switch check.Kind {
	case messages.CheckTCP:
		return timed(check.Port, tcpProbe{timeout: check.ConnectionTimeout, preface: prefaceOf(check.ProxyProtocol)}.probe), nil
	case messages.CheckHTTP, messages.CheckHTTPS:
		p, err := newHTTPProbe(check)
		if err != nil {
			return nil, err
		}
		return timed(check.Port, p.probe), nil
	}
	return nil, fmt.Errorf("%w: unknown kind %q", ErrBadCheck, check.Kind)
}

// Probe probes once. To probe often, keep what NewProbe returns.
func Probe(ctx context.Context, check messages.CheckSpec, addr string) Result {
	probe, err := NewProbe(check)
	if err != nil {
		return result(messages.CodeInternal, err.Error())
	}
	return probe(ctx, addr)
}

// timed adds what all probes share: the port that replaces the peer's own
// (0 = none), the time taken, and what a cancelled probe returns.
func timed(port int, probe ProbeFunc) ProbeFunc {
	return func(ctx context.Context, addr string) Result {
		start := time.Now()
		if port != 0 {
			host, _, err := net.SplitHostPort(addr)
			if err != nil || strings.HasPrefix(addr, unixPrefix) {
				return result(messages.CodeConnectFailed, fmt.Sprintf("address %q is not host:port", addr))
			}
			addr = net.JoinHostPort(host, strconv.Itoa(port))
		}
		r := probe(ctx, addr)
		if over(ctx) {
			r = result(messages.CodeInternal, "probe cancelled")
		}
		r.Took = time.Since(start)
		return r
	}
}

// over tells whether ctx is done, or is about to be: a connection sees the
// deadline of ctx pass a moment before ctx itself does.
func over(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || (has && !time.Now().Before(deadline))
}

// result makes a Result; detail may be any text.
func result(code messages.Code, detail string) Result {
	return Result{Code: code, Detail: clean(detail)}
}

// clean makes one short line of any text.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= maxDetail {
		return text
	}
	cut := maxDetail - len("...")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
