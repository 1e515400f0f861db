package main

import (
	"context"
	"strings"

	"github.com/weirproxy/weir/bus"
)

// serveState answers questions about the state over NATS, with the bodies of the
// HTTP API.
func (w *weir) serveState() error {
	answer := func(kind string, body func() []byte) func(context.Context, bus.Request) ([]byte, error) {
		return func(context.Context, bus.Request) ([]byte, error) { return typed(kind, body()), nil }
	}
	return w.bus.Serve(bus.Service{Version: serviceVersion, Description: "weir, a reverse proxy: its state", Endpoints: []bus.Endpoint{
		{Name: "status", Subject: "state.status", Type: typeStatus, Handler: answer(typeStatus, w.admin.Status)},
		{Name: "upstreams", Subject: "state.upstreams", Type: typeUpstreams, Handler: answer(typeUpstreams, w.admin.Upstreams)},
		{Name: "upstream", Subject: "state.upstream.*", Type: typeUpstream, Handler: w.upstreamState},
	}})
}

// serviceVersion is the version of the requests and answers, not of the program.
const serviceVersion = "1.0.0"

// upstreamState answers state.upstream.NAME.
func (w *weir) upstreamState(_ context.Context, r bus.Request) ([]byte, error) {
	body, message, ok := w.admin.Upstream(strings.TrimPrefix(r.Subject, "state.upstream."))
	if !ok {
		return nil, &bus.ServiceError{Code: "not_found", Message: message}
	}
	return typed(typeUpstream, body), nil
}

// The types of answers.
const (
	typeStatus    = "weir.state.v1.status"
	typeUpstreams = "weir.state.v1.upstreams"
	typeUpstream  = "weir.state.v1.upstream"
)

// typed puts a type into a JSON object.
func typed(kind string, object []byte) []byte {
	return append([]byte(`{"type":"`+kind+`",`), object[1:]...)
}
