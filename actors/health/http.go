package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

const (
	// maxHead is the largest response head that is read, informational ones included.
	maxHead = 64 << 10
	// maxBody is how much of a body is looked at.
	maxBody = 64 << 10
	// maxChunked bounds what is read to get maxBody out of tiny chunks.
	maxChunked = 1 << 20
	// maxInformational is how many 1xx responses may precede the final one.
	maxInformational = 8
	// politeDrain is how long a body that nobody asked for is read, so that the
	// peer is not reset while it still sends.
	politeDrain = 50 * time.Millisecond
)

// httpProbe sends one HTTP/1.1 request on a connection of its own and looks at
// the response. It follows no redirect and uses no proxy.
type httpProbe struct {
	request       request
	connect, read time.Duration
	preface       string
	status        messages.StatusSet // empty = 200-399
	contains      string
	matches       *regexp.Regexp // nil = not looked at
	tls           *tlsSettings   // nil = http
}

func newHTTPProbe(check messages.CheckSpec) (*httpProbe, error) {
	h := check.HTTP
	req, err := newRequest(h)
	if err != nil {
		return nil, err
	}
	p := &httpProbe{request: req, connect: check.ConnectionTimeout, preface: prefaceOf(check.ProxyProtocol), read: check.ReadTimeout, status: h.Status, contains: h.BodyContains}
	if h.BodyMatches != "" {
		if p.matches, err = regexp.Compile(h.BodyMatches); err != nil {
			return nil, fmt.Errorf("%w: body match: %w", ErrBadCheck, err)
		}
	}
	if check.Kind == messages.CheckHTTPS {
		p.tls = newTLSSettings(h)
	}
	return p, nil
}

func (p *httpProbe) probe(ctx context.Context, addr string) Result {
	conn, failed := p.open(ctx, addr)
	if conn == nil {
		return failed
	}
	defer func() { _ = conn.Close() }() // the result is known: nothing to do about an error
	// The deadline comes before the watch on ctx, which may overwrite it at any time.
	_ = conn.SetDeadline(time.Now().Add(p.read)) // fails on a closed connection only, which the write below reports
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(p.request.bytes(addr)); err != nil {
		return p.writeFailure(err)
	}
	return p.judge(conn)
}

// open connects, with TLS if it is set; without a connection the Result says why.
func (p *httpProbe) open(ctx context.Context, addr string) (net.Conn, Result) {
	ctx, cancel := context.WithTimeout(ctx, p.connect)
	defer cancel()
	conn, err := connect(ctx, addr, p.preface)
	if err != nil {
		return nil, connectFailure(err, p.connect)
	}
	if p.tls == nil {
		return conn, Result{}
	}
	config, err := p.tls.config(addr)
	if err != nil {
		_ = conn.Close()
		return nil, result(messages.CodeTLS, err.Error())
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, p.handshakeFailure(err)
	}
	return secure, Result{}
}

// judge reads a response from conn and compares it with what is expected.
func (p *httpProbe) judge(conn net.Conn) Result {
	wire := &bounded{r: conn, left: maxHead}
	response, err := readHead(bufio.NewReader(wire), p.request.method) //nolint:bodyclose // see below
	if err != nil {
		return p.headFailure(err)
	}
	// The body is never closed: Close would read the rest of it. The connection is.
	wire.left = maxChunked
	if !p.passes(response.StatusCode) {
		p.drain(conn, response.Body)
		return result(messages.CodeStatus, fmt.Sprintf("status %d", response.StatusCode))
	}
	if p.contains == "" && p.matches == nil {
		p.drain(conn, response.Body)
		return result(messages.CodeOK, fmt.Sprintf("status %d", response.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return p.bodyFailure(err)
	}
	switch {
	case !strings.Contains(string(body), p.contains):
		return result(messages.CodeBody, fmt.Sprintf("status %d, body does not contain %q", response.StatusCode, p.contains))
	case p.matches != nil && !p.matches.Match(body):
		return result(messages.CodeBody, fmt.Sprintf("status %d, body does not match %q", response.StatusCode, p.matches))
	}
	return result(messages.CodeOK, fmt.Sprintf("status %d, body as expected", response.StatusCode))
}

func (p *httpProbe) passes(status int) bool {
	if p.status.Empty() {
		return status >= 200 && status <= 399
	}
	return p.status.Has(status)
}

// drain reads what comes of the body within politeDrain. Whatever happens
// there is not the probe's business.
func (p *httpProbe) drain(conn net.Conn, body io.Reader) {
	_ = conn.SetReadDeadline(time.Now().Add(politeDrain))
	_, _ = io.Copy(io.Discard, io.LimitReader(body, maxBody))
}

// readHead reads the head of the final response.
func readHead(r *bufio.Reader, method string) (*http.Response, error) {
	for range maxInformational {
		response, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, nil
		}
	}
	return nil, errors.New("only informational responses")
}

func (p *httpProbe) handshakeFailure(err error) Result {
	switch {
	case timedOut(err):
		return result(messages.CodeConnectTimeout, fmt.Sprintf("TLS handshake not done within %v", p.connect))
	case broken(err):
		return result(messages.CodeTLS, "connection closed in the TLS handshake")
	}
	return result(messages.CodeTLS, reason(err))
}

func (p *httpProbe) writeFailure(err error) Result {
	if timedOut(err) {
		return result(messages.CodeWriteTimeout, fmt.Sprintf("request not taken within %v", p.read))
	}
	return result(messages.CodeReset, reason(err))
}

func (p *httpProbe) headFailure(err error) Result {
	switch {
	case timedOut(err):
		return result(messages.CodeHeadTimeout, fmt.Sprintf("no response head within %v", p.read))
	case errors.Is(err, errTooLarge):
		return result(messages.CodeBadResponse, fmt.Sprintf("response head larger than %d bytes", maxHead))
	case broken(err):
		return result(messages.CodeReset, "connection closed before the response head was complete")
	case isAlert(err): // in TLS 1.3 the peer judges after the handshake
		return result(messages.CodeTLS, reason(err))
	case strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`): // SETTINGS
		return result(messages.CodeBadResponse, "the peer answers in HTTP/2, which http and https checks do not speak: a tcp check would do")
	}
	return result(messages.CodeBadResponse, reason(err))
}

// isAlert tells whether the peer ended TLS with an alert.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

func (p *httpProbe) bodyFailure(err error) Result {
	switch {
	case timedOut(err):
		return result(messages.CodeReadTimeout, fmt.Sprintf("response not complete within %v", p.read))
	case broken(err):
		return result(messages.CodeReset, "connection closed in the middle of the body")
	}
	return result(messages.CodeBadResponse, reason(err))
}

// errTooLarge is what a bounded reader gives after its last byte.
var errTooLarge = errors.New("more than may be read")

// bounded reads at most left bytes.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
