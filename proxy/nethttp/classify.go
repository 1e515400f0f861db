package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// explain makes a Failure of what RoundTrip returned.
func (a *attempt) explain(err error) *proxy.Failure {
	f := a.cause(err)
	unhandled := a.h2 && !a.sent && wasNotHandled(err)
	f.Declined = f.Code == messages.CodeReset && a.h2 && !a.sent && (isGoAway(err) || cameTooLate(err)) && !a.rebuff()
	f.Unsent = unhandled || !a.somethingSent() || !a.sent && a.wasNotAdmitted()
	return f
}

// wasNotAdmitted tells whether the peer refused weir's certificate. With TLS 1.3
// that comes after the handshake, but before the peer looks at any request.
func (a *attempt) wasNotAdmitted() bool {
	if a.conn == nil || !a.fresh || a.conn.got.Load() > a.gotStart {
		return false
	}
	alert := a.conn.refused.Load()
	return alert != nil && errors.Is(alertFault(*alert), errCertRefused)
}

// cause finds the first cause: an error of net/http is often only what followed
// from a cancellation or from the client's end.
func (a *attempt) cause(err error) *proxy.Failure {
	if client := a.body.failure(); client != nil {
		return bodyFailure(client)
	}
	if why := a.guard.why(); why != nil {
		return &proxy.Failure{Code: why.Code, Err: why.Err}
	}
	if a.ctx.Err() != nil {
		return &proxy.Failure{Code: messages.CodeClientGone, Err: err}
	}
	var dial *dialError
	if errors.As(err, &dial) {
		return &proxy.Failure{Code: dial.code, Err: err}
	}
	if a.conn == nil {
		// No other error than these comes without a connection.
		return &proxy.Failure{Code: messages.CodeInternal, Err: err}
	}
	return a.conn.cause(err)
}

// cause says what err means on this connection.
func (c *peerConn) cause(err error) *proxy.Failure {
	alert := c.refused.Load()
	switch {
	case c.cut.Load():
		return &proxy.Failure{Code: messages.CodeReset, Err: errCut}
	case c.writeLate.Load():
		return &proxy.Failure{Code: messages.CodeWriteTimeout, Err: err}
	case alert != nil:
		return &proxy.Failure{Code: messages.CodeTLS, Err: alertError(*alert)}
	case isTooLong(err) && c.windows.tooNarrow() != nil:
		return &proxy.Failure{Code: messages.CodeBadResponse, Err: c.windows.tooNarrow()}
	case isOfRequest(err):
		return &proxy.Failure{Code: messages.CodeBadRequest, Err: err}
	case c.h2:
		return &proxy.Failure{Code: h2Code(err), Err: err}
	case isConnError(err), c.broken.Load():
		// Half a head makes net/http speak of a malformed one.
		return &proxy.Failure{Code: messages.CodeReset, Err: err}
	case strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`): // SETTINGS
		err = fmt.Errorf("the peer answers in HTTP/2, which alpn: H2 would speak with it: %w", err)
	}
	return &proxy.Failure{Code: messages.CodeBadResponse, Err: err}
}

// brokenBy says why the peer does not take the request's body any more while it
// is still being read.
func (a *attempt) brokenBy() messages.Code {
	switch why := a.guard.why(); {
	case why != nil:
		return why.Code
	case a.ctx.Err() != nil:
		return messages.CodeClientGone
	case a.conn != nil && a.conn.writeLate.Load():
		return messages.CodeWriteTimeout
	case a.conn != nil && !a.h2 && !a.conn.broken.Load():
		return messages.CodeBadResponse // closed from here, for what came
	}
	return messages.CodeReset
}

// bodyFailure says what reading the request's body failed with: a *Failure that
// the client codec or the core made, else the client is gone.
func bodyFailure(err error) *proxy.Failure {
	var f *proxy.Failure
	if errors.As(err, &f) {
		return &proxy.Failure{Code: f.Code, Err: err}
	}
	return &proxy.Failure{Code: messages.CodeClientGone, Err: err}
}

// isConnError tells whether err says that a connection broke, and not that what
// came over it was wrong.
func isConnError(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || isServerClosedIdle(err)
}

// isServerClosedIdle knows an error of net/http that has no name and no cause.
func isServerClosedIdle(err error) bool {
	return err.Error() == "http: server closed idle connection"
}
