package config

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// writeTransport puts keys of transport together that go with all peers, one of
// four ways to speak with them.
func writeTransport(b *strings.Builder, maybe func(key string, values ...string) string, way int) {
	if way > 0 {
		b.WriteString("    sni: " + []string{"", "$host", "A.b", "\"::1\""}[way] + "\n")
		b.WriteString(maybe("tls_min_version", "1.2", "1.3"))
		if way == 1 {
			b.WriteString(maybe("verify_cert", "true", "false"))
			b.WriteString("    client_cert: a b.pem\n    client_key: \"$${k}\"\n")
		} else {
			b.WriteString(maybe("ca", "/x/y.pem"))
		}
	}
	if way%2 == 0 {
		b.WriteString("    alpn: h2\n" + maybe("max_h2_streams", "1", "1000") + maybe("h2_ping_interval", "0", "1s"))
	} else {
		b.WriteString(maybe("alpn", "h1", "H2H1"))
	}
	b.WriteString(maybe("max_idle", "0", "100000"))
	b.WriteString(maybe("proxy_protocol", "v1", "v2"))
}

// listenerTexts are listeners, of which each has another form.
func listenerTexts() []string {
	return []string{
		`{addr: ":1", h2c: true, limits: {max_h2_streams: 1, max_connections: 5, max_head: 1MiB}}`,
		`{addr: ":1", trusted_proxies: [10.0.0.0/8, "::1"], reuse_port: true, tcp_idle: 1m, tcp_interval: 1s, tcp_probe_count: 16, tcp_send_buf: 1GiB}`,
		`{addr: ":1", trusted_proxies: [], limits: {head_timeout: 0, idle_timeout: 1m15s, max_fields: 1}}`,
		`{addr: ":1", tls: {certs: [{cert: "a b", key: "$${k}"}, {cert: c, key: d}], min_version: 1.3, h2: false, strict_sni: true}}`,
		`{addr: ":1", tls: {certs: [{cert: a, key: k}], client_ca: x.pem, client_auth: request}, h2c: false, limits: {max_h2_streams: 10000}}`,
		`{addr: ":1", tls: {certs: [{cert: a, key: k}], client_ca: x.pem}, proxy_protocol: {trusted: ["::/0"]}, trusted_proxies: [10.0.0.1]}`,
		`{addr: ":1", proxy_protocol: true, trusted_proxies: [10.0.0.1]}`,
		`{addr: ":1", proxy_protocol: false, forwarded: true}`,
		`{addr: "unix:/run/weir.sock", h2c: true}`,
		`{addr: "unix:/run/weir.sock", proxy_protocol: true, trusted_proxies: [10.0.0.1]}`,
		`{addr: "unix:/run/weir.sock", proxy_protocol: {}, tls: {certs: [{cert: a, key: k}]}}`,
		`{addr: "fd:weir.socket", tcp_fast_open: true, tcp_user_timeout: 1ms}`,
	}
}

// upstreamTexts are upstreams, of which each has another way to speak with its peers.
func upstreamTexts() []string {
	return []string{
		`{addrs: ["10.0.0.1 2", web], sni: api.example.com, ca: a.pem, client_cert: b.pem, client_key: c.pem, tls_min_version: 1.3}`,
		`{addrs: ["10.0.0.1"], sni: "$host", verify_cert: false, alpn: H2H1, max_h2_streams: 1, h2_ping_interval: 0, bind: 10.0.0.9}`,
		`{addrs: ["10.0.0.1"], alpn: h2, max_idle: 0, tcp_idle: 1s, tcp_interval: 1s, tcp_probe_count: 1, tcp_user_timeout: 1ms, tcp_recv_buf: 1KiB, tcp_send_buf: 1GiB, tcp_fast_open: true}`,
		`{addrs: ["unix:/run/a.sock 5", {addr: "unix:/run/b.sock", tier: 1}], sni: a, proxy_protocol: v1, health_check: {type: https}}`,
		`{discovery: dns, addrs: [a, _http._tcp.b], sni: "::1", proxy_protocol: v2, bind: "::1", health_check: {port: 81}}`,
		`{algo: transparent, transparent: {allow: ["*.a.org:*", "10.0.0.0/8"], allow_private: true}, sni: "$host", ipv4_only: true, bind: 10.0.0.9}`,
	}
}

// writeRoutes puts routes together.
func writeRoutes(b *strings.Builder, random *rand.Rand, pick func(...string) string, maybe func(key string, values ...string) string) {
	b.WriteString("routes:\n")
	for i := range 1 + random.IntN(4) {
		fmt.Fprintf(b, "  r%d:\n    path: \"%s%d\"\n", i, pick("/a%20", "=/b", "~^/c$${", "~\\\\d"), i)
		b.WriteString(maybe("host", "a.b", "\"*.c\"", "\"[::1]\"", "\"*\""))
		b.WriteString(maybe("priority", "-5", "7"))
		b.WriteString(maybe("max_body", "0", "1MiB", "10MB", "1536", "3GiB"))
		if random.IntN(3) == 0 {
			b.WriteString("    redirect: " + pick("\"https://{host}{uri}\"", "{to: \"/x?{query}#$${path}\", status: 301}") + "\n")
			continue
		}
		b.WriteString(maybe("redirect", "https", "{to: \"https:8443\", status: 302}"))
		b.WriteString("    upstream: a0\n")
		b.WriteString(maybe("host_header", "keep", "peer", "x.y:8"))
		b.WriteString(maybe("strip_prefix", "/a", "\"\""))
		b.WriteString(maybe("rewrite", "\"^/(a) /$1\"", "{match: \"^/(?P<n>a b)#\", to: \"/$${n}é$$\"}", "{match: a, to: \"\"}"))
		b.WriteString(maybe("request_headers", "{}", "{set: {A: \": # \\\"\", \"~1\": \"\"}, add: {B: [x, y], C: z}, remove: [D, E]}"))
		b.WriteString(maybe("response_headers", "{remove: []}", "{add: {B: [x]}}", "{add: {B: []}}"))
		b.WriteString(maybe("retry", "off", "{attempts: 9}"))
		b.WriteString(maybe("timeout", "0", "5s"))
	}
}
