package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

var (
	errBadVersion = errors.New("not the version that was spoken")
	errBadStatus  = errors.New("not a status")
	errBadUpgrade = errors.New("switched to a protocol that was not asked for")
)

// answer puts resp into x.Response.
func (a *attempt) answer(x *proxy.Exchange, resp *http.Response) error {
	a.hints.flush()
	if (resp.ProtoMajor == 2) != a.h2 || resp.ProtoMajor > 2 {
		_ = resp.Body.Close() // its content does not matter
		return a.refuse(fmt.Errorf("%s: %w", resp.Proto, errBadVersion))
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return a.answerTunnel(x, resp)
	}
	if resp.StatusCode < 200 {
		_ = resp.Body.Close() // its content does not matter
		return a.refuse(fmt.Errorf("status %d: %w", resp.StatusCode, errBadStatus))
	}
	out := &x.Response
	out.Status = resp.StatusCode
	appendFields(&out.Header, resp.Header, nil, framing)
	out.ContentLength = announcedLength(resp)
	out.TrailerNames = announcedNames(resp.Trailer)
	out.Trailers = func() proxy.Fields {
		var f proxy.Fields
		appendFields(&f, resp.Trailer, nil, nil)
		return f
	}
	limit := a.limits.ReadTimeout
	switch {
	case isMediaType(resp.Header, "text/event-stream", ""):
		limit = a.limits.TunnelTimeout
		a.guard.unbind()
	case isMediaType(resp.Header, "application/grpc", "+"):
		limit = a.limits.TunnelTimeout // a stream, too; its client says how long it may take
	}
	out.Body = &responseBody{a: a, src: resp.Body, limit: limit}
	return nil
}

// refuse fails the attempt for what the peer sent.
func (a *attempt) refuse(err error) error {
	a.end()
	return &proxy.Failure{Code: messages.CodeBadResponse, Err: err}
}

// announcedLength returns the length that the peer gave. A response to HEAD and
// a 304 have the length of a body that does not come.
func announcedLength(resp *http.Response) int64 {
	if resp.StatusCode != http.StatusNotModified {
		return resp.ContentLength
	}
	n, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// isMediaType tells whether content is of a type, or of one that goes on with one
// of more.
func isMediaType(h http.Header, kind, more string) bool {
	values := h["Content-Type"]
	if len(values) == 0 {
		return false
	}
	value := strings.TrimLeft(values[0], " \t")
	return len(value) >= len(kind) && strings.EqualFold(value[:len(kind)], kind) &&
		(len(value) == len(kind) || strings.IndexByte("; \t"+more, value[len(kind)]) >= 0)
}

// responseBody is the body of a peer's response. Each read has a limit. The
// errors of Read are io.EOF or a *proxy.Failure.
type responseBody struct {
	a     *attempt
	src   io.ReadCloser
	limit time.Duration
}

// Read reads from the peer.
func (b *responseBody) Read(p []byte) (int, error) {
	b.a.guard.waitForBody(b.limit)
	n, err := b.src.Read(p)
	b.a.guard.bodyCame()
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, b.a.cause(err)
}

// Close gives the connection back when the body was read to its end, and breaks
// it otherwise. When it returns, the request's body is not read any more.
func (b *responseBody) Close() error {
	b.a.body.stop(0) // else a client that stalls holds the peer's connection
	err := b.src.Close()
	b.a.end()
	return err
}

// answerTunnel makes a tunnel of a 101.
func (a *attempt) answerTunnel(x *proxy.Exchange, resp *http.Response) error {
	stream, ok := resp.Body.(io.ReadWriteCloser)
	asked := x.Request.Upgrade
	if !ok || asked == "" || !wasAsked(asked, resp.Header["Upgrade"]) {
		_ = resp.Body.Close() // its content does not matter
		return a.refuse(fmt.Errorf("upgrade to %q: %w", strings.Join(resp.Header["Upgrade"], ", "), errBadUpgrade))
	}
	conn := a.conn
	if err := conn.becomeTunnel(); err != nil {
		_ = stream.Close() // the connection is dead already
		return a.fail(err)
	}
	a.end()
	out := &x.Response
	out.Status = resp.StatusCode
	appendFields(&out.Header, resp.Header, nil, framing)
	out.ContentLength = -1
	out.Tunnel = newPeerTunnel(stream, conn)
	return nil
}

// wasAsked tells whether the one protocol that the peer names is among those asked for.
func wasAsked(asked string, named []string) bool {
	return len(named) == 1 && hasToken([]string{asked}, strings.TrimSpace(named[0]))
}
