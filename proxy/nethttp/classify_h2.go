package nethttp

import (
	"errors"
	"strings"

	"github.com/weirproxy/weir/messages"
)

// streamError is what an error of net/http says of a stream that was reset. It
// has the fields of http2.StreamError, which errors.As of net/http goes by.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error never shows: the value is only read from.
func (e streamError) Error() string { return "stream reset" }

// refusedStream is REFUSED_STREAM (RFC 9113, 8.7): nothing was done with the request.
const refusedStream = 7

// Errors of net/http's HTTP/2 that it does not export, by their text. Tests on the
// wire hold those of GOAWAY, lost pings and heads that are too large.
const (
	textGoAway   = "http2: Transport received Server's graceful shutdown GOAWAY"
	textGoAway1  = "http2: Transport received GOAWAY from server ErrCode:" // of the first stream
	textLeft     = "http2: server sent GOAWAY and closed the connection"
	textUnusable = "http2: client conn not usable"
	textClosed   = "http2: client conn is closed"
	textNever    = "http2: client conn could not be established"
	textForced   = "http2: client connection force closed via ClientConn.Close"
	textLost     = "http2: client connection lost"
	textFromPeer = "received from peer"
	textTooLong  = "http2: request header list larger than peer's advertised limit"
)

// isGoAway tells whether the peer said, on its way out, that it did not handle
// the request (RFC 9113, 6.8).
func isGoAway(err error) bool { return err.Error() == textGoAway }

// isComplaint tells whether the peer ended the connection for a fault, before it
// handled any request on it.
func isComplaint(err error) bool { return strings.HasPrefix(err.Error(), textGoAway1) }

// cameTooLate tells whether the connection had ended, or was about to, when the
// request was to go out on it.
func cameTooLate(err error) bool { return strings.HasPrefix(err.Error(), textUnusable) }

// wasNotHandled tells whether the peer said that it did nothing with the request.
func wasNotHandled(err error) bool {
	var stream streamError
	if errors.As(err, &stream) && stream.Code == refusedStream && isFromPeer(stream) {
		return true
	}
	return isGoAway(err) || isComplaint(err)
}

func isFromPeer(e streamError) bool { return e.Cause != nil && e.Cause.Error() == textFromPeer }

// h2Code says whether a stream broke, or what came over it was wrong.
func h2Code(err error) messages.Code {
	var stream streamError
	if errors.As(err, &stream) {
		if isFromPeer(stream) {
			return messages.CodeReset
		}
		return messages.CodeBadResponse
	}
	if isConnError(err) {
		return messages.CodeReset
	}
	text := err.Error()
	for _, broken := range []string{textGoAway, textGoAway1, textLeft, textUnusable, textClosed, textNever, textForced, textLost} {
		if strings.HasPrefix(text, broken) {
			return messages.CodeReset
		}
	}
	return messages.CodeBadResponse
}

// isOfRequest tells whether err is about the request: net/http, or the peer by its
// SETTINGS, does not take it.
func isOfRequest(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "http: invalid ") || strings.HasPrefix(text, "http2: invalid ") || isTooLong(err)
}

// isTooLong tells whether the head is larger than the peer takes, of HTTP/2.
func isTooLong(err error) bool { return strings.HasSuffix(err.Error(), textTooLong) }
