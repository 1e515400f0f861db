package bench_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/part"
)

// BenchmarkProtocols measures the CPU that a proxy spends on a request by the
// protocols of its two sides, in one run on one machine, with h2load as the
// client and a body of 64 bytes. Where nginx can do the same it is asked first,
// with another nginx as the peer, and x-nginx is the ratio to it. To peers nginx
// speaks HTTP/2 from 1.29 on only; there x-h1 is the ratio of weir to itself with
// HTTP/1.1 on both sides and the same peer, a Go server in this process. Each
// line has proxies of its own. Requests per line: WEIR_BENCH_REQUESTS, default
// 50000, after a fifth of that to warm up.
func BenchmarkProtocols(b *testing.B) {
	h2load := part.Need(b, "h2load")
	w := newPair(b)
	measure := func(b *testing.B, p proxy, c client, path string) (perRequest float64) {
		port := p.port(c)
		pid := start(b, port, p.program, p.args...)
		c.ask(b, h2load, port, path, requests()/5)
		before := cpu(b, pid)
		c.ask(b, h2load, port, path, requests())
		perRequest = (cpu(b, pid) - before).Seconds() * 1e6 / float64(requests())
		b.ReportMetric(0, "ns/op") // one load, not b.N operations
		b.ReportMetric(perRequest, "cpu-µs/req")
		return perRequest
	}
	for _, c := range []client{h1, h1TLS, h2TLS, h2c} {
		nginxCPU := 0.0
		for _, p := range []proxy{w.nginx, w.weir} {
			b.Run(fmt.Sprintf("client=%s/peer=h1/%s", c.name, p.name), func(b *testing.B) {
				own := measure(b, p, c, "/")
				if p.name == "nginx" {
					nginxCPU = own
				}
				b.ReportMetric(own/nginxCPU, "x-nginx")
			})
		}
	}
	h1CPU := 0.0
	for _, to := range []struct {
		client client
		peer   string
	}{{h1, "h1"}, {h1, "h2c"}, {h2c, "h2c"}} {
		b.Run(fmt.Sprintf("client=%s/peer=go-%s/weir", to.client.name, to.peer), func(b *testing.B) {
			own := measure(b, w.weir, to.client, "/"+to.peer)
			if to.client.name == "h1" && to.peer == "h1" {
				h1CPU = own
			}
			b.ReportMetric(own/h1CPU, "x-h1")
		})
	}
}

// requests is how many requests a line of BenchmarkProtocols makes.
func requests() int {
	if n, err := strconv.Atoi(os.Getenv("WEIR_BENCH_REQUESTS")); err == nil && n >= 1000 {
		return n
	}
	return 50_000
}

// proxy is a program that listens in three ways.
type proxy struct {
	name, program   string
	args            []string
	plain, tls, h2c int // ports
}

// port is where p takes c.
func (p proxy) port(c client) int {
	switch {
	case c.tls:
		return p.tls
	case c.speaks == "h2c":
		return p.h2c
	}
	return p.plain
}

// pair is nginx and weir in front of the same peers, with the same certificate.
type pair struct{ nginx, weir proxy }

// newPair starts the peers and prepares both proxies, which do not run yet. All
// paths lead to an nginx, but for /h1 and /h2c of weir: to a Go server, over
// that protocol.
func newPair(b *testing.B) pair {
	b.Helper()
	nginxPath, dir := part.Need(b, "nginx"), b.TempDir()
	cert, key := writeCertificate(b, dir)
	peer := freePort(b)
	start(b, peer, nginxPath, nginxArgs(b, dir, "peer", nginxPeer(peer))...)

	n := proxy{name: "nginx", program: nginxPath, plain: freePort(b), tls: freePort(b), h2c: freePort(b)}
	n.args = nginxArgs(b, dir, "proxy", fmt.Sprintf(`upstream web { server 127.0.0.1:%d; keepalive 128; }
		server { listen 127.0.0.1:%d; listen 127.0.0.1:%d ssl http2; listen 127.0.0.1:%d http2;
		ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3;
		location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
		proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Id $request_id; } }`, peer, n.plain, n.tls, n.h2c, cert, key))

	w := proxy{name: "weir", program: buildWeir(b), plain: freePort(b), tls: freePort(b), h2c: freePort(b)}
	conf, other := filepath.Join(dir, "weir.yaml"), goPeer(b)
	write(b, conf, fmt.Sprintf(`listeners:
  - {addr: "127.0.0.1:%d"}
  - {addr: "127.0.0.1:%d", tls: {certs: [{cert: %s, key: %s}]}}
  - {addr: "127.0.0.1:%d", h2c: true}
routes: {web: {path: /, upstream: web}, h1: {path: /h1, upstream: h1}, h2c: {path: /h2c, upstream: h2c}}
upstreams:
  web: {addrs: ["127.0.0.1:%d"]}
  h1: {addrs: ["%s"]}
  h2c: {addrs: ["%s"], alpn: H2}
nats: {addr: "127.0.0.1:%d"}
admin: {addr: "127.0.0.1:%d"}
data_dir: %s
log: {level: error}
`, w.plain, w.tls, cert, key, w.h2c, peer, other, other, freePort(b), freePort(b), filepath.Join(dir, "data")))
	w.args = []string{"serve", "-c", conf}
	return pair{nginx: n, weir: w}
}

// goPeer answers over HTTP/1.1 at /h1 and over h2c at /h2c until the benchmark
// ends, and 505 to who comes to one of them over the other.
func goPeer(b *testing.B) (addr string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (r.URL.Path == "/h2c") != (r.ProtoMajor == 2) {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
			return
		}
		_, _ = io.WriteString(w, answer) // a proxy that went away was told so
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	b.Cleanup(func() {
		_ = server.Close() // nothing is left to lose
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			b.Errorf("peer: %v", err)
		}
	})
	return l.Addr().String()
}

// writeCertificate writes a self-signed certificate for 127.0.0.1 and its key, ECDSA P-256.
func writeCertificate(b *testing.B, dir string) (cert, key string) {
	b.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		b.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		b.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "cert.key")
	write(b, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})))
	write(b, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return cert, key
}
