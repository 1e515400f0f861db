package main

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/weirproxy/weir/certs"
	"github.com/weirproxy/weir/config"
	"github.com/weirproxy/weir/internal/meter"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// serverConfig says how the clients of a listener are served.
func serverConfig(at *listening, port string, log *slog.Logger) nethttp.ServerConfig {
	limits := at.cfg.Limits
	c := nethttp.ServerConfig{
		H2C: at.cfg.H2C, Logger: log, Clients: at.door.clients,
		Listener:       &proxy.Listener{Name: at.cfg.Addr, Trusted: at.cfg.TrustedProxies, Forwarded: at.cfg.Forwarded, Port: port},
		MaxConnections: limits.MaxConnections, MaxHeadBytes: limits.MaxHead, MaxFields: limits.MaxFields, MaxH2Streams: limits.MaxH2Streams,
		HeadTimeout: noneIsNegative(limits.HeadTimeout), IdleTimeout: noneIsNegative(limits.IdleTimeout),
		BodyTimeout: noneIsNegative(limits.BodyTimeout), MinBodyRate: limits.MinBodyRate, WriteTimeout: noneIsNegative(limits.WriteTimeout),
	}
	if at.tls != nil {
		c.TLS = at.tls.Config()
	}
	return c
}

// noneIsNegative says "no limit" the way nethttp does: 0 is its default.
func noneIsNegative(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// serverOptions says what a listener shows and asks for.
func serverOptions(t config.ListenerTLS) certs.ServerOptions {
	o := certs.ServerOptions{MinVersion: t.MinVersion, ALPN: []string{"h2", "http/1.1"}, ClientCA: t.ClientCA, StrictSNI: t.StrictSNI}
	if !t.H2 {
		o.ALPN = o.ALPN[1:]
	}
	for _, pair := range t.Certs {
		o.Pairs = append(o.Pairs, certs.Pair{Cert: pair.Cert, Key: pair.Key})
	}
	for _, auth := range []certs.ClientAuth{certs.ClientAuthRequest, certs.ClientAuthRequire} {
		if auth.String() == t.ClientAuth {
			o.ClientAuth = auth
		}
	}
	return o
}

// Collect emits what the listeners count.
func (l *listeners) Collect(emit func(meter.Sample)) {
	open := l.shown.Load()
	if open == nil {
		return
	}
	seen := map[string]int{}
	for _, at := range *open {
		name := at.cfg.Addr
		if seen[name]++; seen[name] > 1 { // of those that take any free port there may be several
			name += " (" + strconv.Itoa(seen[name]) + ")"
		}
		label := meter.Label{Name: "listener", Value: name}
		collectServer(emit, at.door.clients.Stats(), label)
		emit(meter.Sample{Name: "weir_client_proxy_headers_refused_total", Kind: meter.Counter, Labels: []meter.Label{label},
			Help: "Connections that were closed for a PROXY header that was missing, garbled or not allowed.", Value: float64(at.door.refusals.count.Load())})
	}
}

func collectServer(emit func(meter.Sample), s nethttp.Stats, listener meter.Label) {
	gauge := func(name, help string, n int64) {
		emit(meter.Sample{Name: name, Help: help, Kind: meter.Gauge, Labels: []meter.Label{listener}, Value: float64(n)})
	}
	counter := func(name, help string, n uint64) {
		emit(meter.Sample{Name: name, Help: help, Kind: meter.Counter, Labels: []meter.Label{listener}, Value: float64(n)})
	}
	gauge("weir_client_connections", "Connections of clients that are open, tunnels among them.", s.Open)
	gauge("weir_client_h2_connections", "Those of them that speak HTTP/2.", s.HTTP2)
	gauge("weir_client_h2_streams", "Requests under way over HTTP/2.", s.Streams)
	counter("weir_client_connections_accepted_total", "Connections of clients that were served.", s.Accepted)
	counter("weir_client_connections_refused_total", "Connections of clients beyond max_connections.", s.TurnedAway)
	counter("weir_client_h2_abuse_total", "Connections of HTTP/2 that were ended for what the client did (ENHANCE_YOUR_CALM).", s.Dismissed)
	counter("weir_client_tls_handshakes_failed_total", "TLS handshakes of clients that failed, or that the client left.", s.HandshakesFailed)
	emit(meter.Sample{Name: "weir_client_tls_handshake_duration_seconds", Kind: meter.Buckets, Labels: []meter.Label{listener},
		Help: "Time of TLS handshakes with clients, the way there and back included.", Hist: s.Handshakes})
}
