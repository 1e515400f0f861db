package nethttp

import "github.com/weirproxy/weir/internal/meter"

// Collect emits what the codec counted. See proxy.Collector.
func (c *PeerCodec) Collect(emit func(meter.Sample), labels ...meter.Label) {
	s := c.Stats()
	for _, m := range []struct {
		name, help string
		kind       meter.Kind
		value      float64
	}{
		{"weir_peer_connections", "Connections to peers that are open, tunnels among them.", meter.Gauge, float64(s.Open)},
		{"weir_peer_connections_opened_total", "Connections to peers that were made.", meter.Counter, float64(s.Opened)},
		{"weir_peer_connections_failed_total", "Connections to peers that could not be made.", meter.Counter, float64(s.Failed)},
		{"weir_peer_connections_reused_total", "Requests that went out on a connection that had served one before.", meter.Counter, float64(s.Reused)},
		{"weir_peer_h2_streams", "Requests under way to peers over HTTP/2.", meter.Gauge, float64(s.Streams)},
		{"weir_peer_tls_handshakes_failed_total", "TLS handshakes with peers that failed.", meter.Counter, float64(s.HandshakesFailed)},
	} {
		emit(meter.Sample{Name: m.name, Help: m.help, Kind: m.kind, Labels: labels, Value: m.value})
	}
	emit(meter.Sample{Name: "weir_peer_connect_duration_seconds", Kind: meter.Buckets, Labels: labels, Hist: s.Connect,
		Help: "Time of connects to peers, without the lookup and the TLS handshake."})
	emit(meter.Sample{Name: "weir_peer_tls_handshake_duration_seconds", Kind: meter.Buckets, Labels: labels, Hist: s.Handshake,
		Help: "Time of TLS handshakes with peers, without the connect."})
}
