package proxy

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/weirproxy/weir/messages"
)

// finish ends an exchange on every path, also when a codec panicked: it gives
// back what x holds, counts, and logs. It is deferred by Serve.
func (c *Core) finish(x *Exchange) {
	if cause := recover(); cause != nil {
		c.logger.Error("codec panicked", "panic", cause, "route", x.core.routeName(),
			"upstream", x.Upstream.nameOrNone(), "stack", string(debug.Stack()))
		c.salvage(x, func() { c.refuse(x, messages.CodeInternal) })
	}
	t := &x.core.trip
	if t.bodyOpen {
		c.salvage(x, func() { c.closeResponse(x) })
	}
	for t.held != nil { // a second time when the next peer was held already
		x.Upstream.release(x)
	}
	if t.route != nil {
		t.route.leave(x)
	}
	x.Request.Body = t.source
	c.account(x)
}

// salvage calls a codec once more after it panicked; a second panic ends the
// attempt to answer.
func (c *Core) salvage(x *Exchange, step func()) {
	defer func() {
		if cause := recover(); cause != nil {
			x.core.trip.aborted = true
			c.logger.Error("codec panicked again", "panic", cause)
		}
	}()
	step()
}

// account counts the exchange and writes the log lines it deserves.
func (c *Core) account(x *Exchange) {
	t := &x.core.trip
	took := time.Since(t.start)
	if !t.tunnelFrom.IsZero() {
		took = t.tunnelFrom.Sub(t.start)
	}
	status := t.status
	if status == 0 {
		status = statusClientGone
	}
	stats := c.unrouted
	if t.route != nil {
		stats = t.route.stats
	}
	stats.observe(x.Listener.Name, status, took)
	c.requests.Add(1)
	if x.Refusal == nil && x.core.failedByUs() {
		c.failed.Add(1)
		c.complain(x, status)
	}
	if c.accessLog {
		c.logAccess(x, status, took)
	}
}

// failedByUs tells whether the client got no proper answer and it was not the
// client's fault.
func (s *exchangeState) failedByUs() bool {
	t := &s.trip
	if t.ownAnswer {
		return t.status >= 500
	}
	return t.aborted && answerTo(t.code).status >= 500
}

// complain logs an answer of 5xx that weir made, or a response that broke; at
// most linesPerSecond for one upstream.
func (c *Core) complain(x *Exchange, status int) {
	t := &x.core.trip
	var suppressed uint64
	if x.Upstream != nil {
		var ok bool
		if suppressed, ok = x.Upstream.state.complaint.allow(time.Now()); !ok {
			return
		}
	}
	attrs := []slog.Attr{
		slog.String(fieldCode, string(t.code)), slog.Int(fieldStatus, status),
		slog.String(fieldRoute, x.core.routeName()), slog.String(fieldUpstream, x.Upstream.nameOrNone()),
		slog.String(fieldPeer, x.To.Addr), slog.Int(fieldAttempts, t.attempts),
		slog.String(fieldRequestID, t.requestID),
	}
	if t.detail != nil {
		attrs = append(attrs, slog.String(fieldDetail, t.detail.Error()))
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Uint64(fieldSuppressed, suppressed))
	}
	c.logger.LogAttrs(context.Background(), slog.LevelWarn, "request failed", attrs...)
}

// logAccess writes the line of the access log. It has the path but not the
// query, in which secrets travel.
func (c *Core) logAccess(x *Exchange, status int, took time.Duration) {
	t := &x.core.trip
	c.logger.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String(fieldListener, x.Listener.Name), slog.String(fieldClient, t.clientIP),
		slog.String(fieldMethod, x.Request.Method), slog.String(fieldHost, t.host), slog.String(fieldPath, t.path),
		slog.String(fieldProto, x.Request.Proto), slog.Int(fieldStatus, status), slog.String(fieldCode, string(t.code)),
		slog.String(fieldRoute, x.core.routeName()), slog.String(fieldUpstream, x.Upstream.nameOrNone()),
		slog.String(fieldPeer, x.To.Addr), slog.Int(fieldAttempts, t.attempts), slog.Int64(fieldBytes, t.sent),
		slog.Duration(fieldTook, took), slog.String(fieldRequestID, t.requestID))
}

// The names of the fields in log lines.
const (
	fieldListener   = "listener"
	fieldClient     = "client"
	fieldMethod     = "method"
	fieldHost       = "host"
	fieldPath       = "path"
	fieldProto      = "proto"
	fieldStatus     = "status"
	fieldCode       = "code"
	fieldRoute      = "route"
	fieldUpstream   = "upstream"
	fieldPeer       = "peer"
	fieldAttempts   = "attempts"
	fieldBytes      = "bytes"
	fieldTook       = "took"
	fieldRequestID  = "request_id"
	fieldDetail     = "detail"
	fieldSuppressed = "suppressed"
)

func (s *exchangeState) routeName() string {
	if s.trip.route == nil {
		return ""
	}
	return s.trip.route.spec.Name
}

func (u *Upstream) nameOrNone() string {
	if u == nil {
		return ""
	}
	return u.name
}
