package proxy

import "testing"

func TestAnswersToClientsOfGRPC(t *testing.T) {
	for _, c := range []struct {
		name, proto, kind, status string
		want                      int
	}{
		{"a call", "HTTP/2.0", "application/grpc", "14", 200},
		{"a call with a codec", "HTTP/2.0", "Application/gRPC+proto", "14", 200},
		{"a call with a parameter", "HTTP/2.0", "application/grpc; x=y", "14", 200},
		{"what only begins like one", "HTTP/2.0", "application/grpc-web", "", 503},
		{"what begins earlier", "HTTP/2.0", "application/gr", "", 503},
		{"over HTTP/1.1", "HTTP/1.1", "application/grpc", "", 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 1, nil)
			b.publish(b.desired.Upstreams.At(0), 0)
			x, client := b.request("POST", "/", "Content-Type: "+c.kind)
			x.Request.Proto = c.proto
			b.core.Serve(x)
			if client.status != c.want || client.get("Grpc-Status") != c.status || client.get("X-Weir-Error") != "no_peer" {
				t.Errorf("status %d, Grpc-Status %q, X-Weir-Error %q", client.status, client.get("Grpc-Status"), client.get("X-Weir-Error"))
			}
			if c.status != "" && (client.get("Grpc-Message") != "no_peer: no server is available" || client.body.Len() > 0) {
				t.Errorf("Grpc-Message %q, body %q", client.get("Grpc-Message"), client.body.String())
			}
			if b.core.Totals().Failed != 1 {
				t.Errorf("it does not count as failed")
			}
		})
	}
}
