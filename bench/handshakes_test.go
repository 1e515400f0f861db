package bench_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
)

// BenchmarkHandshakes measures what new clients cost: h2load opens connections,
// a hundred at a time, with one request over HTTP/1.1 on each. h2load keeps no
// sessions, so every handshake is a full one (TLS 1.3, X25519, a certificate
// with an ECDSA P-256 key). conns/cpu-s holds all of that; the same without TLS
// is plain-conns/cpu-s, and handshakes/cpu-s are of the difference.
func BenchmarkHandshakes(b *testing.B) {
	h2load := part.Need(b, "h2load")
	const atOnce, warm, rounds = 100, 10, 100
	w := newPair(b)
	nginxRate := 0.0
	for _, p := range []proxy{w.nginx, w.weir} {
		b.Run(p.name, func(b *testing.B) {
			pid := start(b, p.tls, p.program, p.args...)
			perConn := func(c client) (seconds float64) {
				c.args = []string{"--h1", "-c" + strconv.Itoa(atOnce)}
				var before time.Duration
				for round := range warm + rounds {
					if round == warm {
						before = cpu(b, pid)
					}
					c.ask(b, h2load, p.port(c), "/", atOnce)
				}
				return (cpu(b, pid) - before).Seconds() / (atOnce * rounds)
			}
			plain, all := perConn(h1), perConn(h1TLS)
			rate := 1 / (all - plain)
			if p.name == "nginx" {
				nginxRate = rate
			}
			b.ReportMetric(0, "ns/op") // two loads, not b.N operations
			b.ReportMetric(1/plain, "plain-conns/cpu-s")
			b.ReportMetric(1/all, "conns/cpu-s")
			b.ReportMetric(rate, "handshakes/cpu-s")
			b.ReportMetric(rate/nginxRate, "x-nginx")
		})
	}
}
