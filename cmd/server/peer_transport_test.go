package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// secure starts a peer that speaks TLS with a certificate for shop.test, and
// answers with what it knows of its client.
func secure(t *testing.T, dir string, serial int64) (addr string) {
	t.Helper()
	return secureUntil(t, dir, serial, 60)
}

// secureUntil is secure with a certificate that ends in some days.
func secureUntil(t *testing.T, dir string, serial int64, days int) (addr string) {
	t.Helper()
	writePair(t, dir, "peer", serial, days, "shop.test")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "peer.pem"), filepath.Join(dir, "peer.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%s %s %d", r.Proto, r.TLS.ServerName, len(r.TLS.PeerCertificates))
		})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return l.Addr().String()
}

func TestPeersThatSpeakTLS(t *testing.T) {
	s := newPlace(t)
	addr := secure(t, s.dir, 1)
	writePair(t, s.dir, "client", 2, 60, "weir.test")
	file := func(name string) string { return filepath.Join(s.dir, name) }
	ca, pair := "ca: "+file("peer.pem"), "client_cert: "+file("client.pem")+", client_key: "+file("client.key")
	text := "listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "watch: false\nroutes:\n"
	upstreams := map[string]struct{ keys, want string }{
		"h1":       {"sni: shop.test, " + ca, "HTTP/1.1 shop.test 0"},
		"h2":       {"sni: shop.test, alpn: H2, " + ca, "HTTP/2.0 shop.test 0"},
		"h2h1":     {"sni: shop.test, alpn: H2H1, " + ca, "HTTP/2.0 shop.test 0"},
		"host":     {`sni: "$host", ` + ca, "HTTP/1.1 shop.test 0"},
		"mutual":   {"sni: shop.test, " + ca + ", " + pair, "HTTP/1.1 shop.test 1"},
		"any":      {"sni: else.test, verify_cert: false", "HTTP/1.1 else.test 0"},
		"wrong":    {"sni: else.test, " + ca, "tls: "},
		"stranger": {"sni: shop.test", "tls: "},
	}
	more := "upstreams:\n"
	for name, u := range upstreams {
		text += "  " + name + ": {path: /" + name + ", upstream: " + name + ", host: shop.test}\n"
		more += "  " + name + ": {addrs: [\"" + addr + "\"], " + u.keys + "}\n"
	}
	s.begin(text + more)
	for name, u := range upstreams {
		for range 2 { // a new connection, and one that was kept
			body, err := talk(t, "tcp", s.listener, "GET /"+name+" HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
			if err != nil || !strings.HasPrefix(body, u.want) {
				t.Errorf("%s: got %q, %v, want %q", name, body, err, u.want)
			}
		}
	}
	_, _, metrics := get(t, s.adminURL+"/metrics")
	for _, want := range []string{`weir_peer_connections_opened_total{upstream="h2"} 1`, `weir_peer_connections_reused_total{upstream="h2"} 1`,
		`weir_peer_tls_handshake_duration_seconds_count{upstream="h1"} 1`, `weir_peer_tls_handshakes_failed_total{upstream="wrong"}`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	s.write(text + strings.Replace(more, "peer.pem", "gone.pem", 1))
	if code, _, stderr := s.reload(); code != 1 || !strings.Contains(stderr, "gone.pem") {
		t.Errorf("a file that is not there: status %d, %s", code, stderr)
	}
}

// TestPeersByPathAndWithAHeader has a peer at a unix socket, and one that wants
// to know where clients come from.
func TestPeersByPathAndWithAHeader(t *testing.T) {
	s := newPlace(t)
	path := filepath.Join(s.dir, "peer.sock")
	atPath, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	asking, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{atPath, asking} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				in := bufio.NewReader(c)
				header := "none"
				if l == asking {
					header, _ = in.ReadString('\n')
				}
				if _, err := http.ReadRequest(in); err == nil {
					header = strings.TrimSpace(header)
					_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(header), header)
				}
				_ = c.Close()
			}
		}()
		t.Cleanup(func() { _ = l.Close(); <-done })
	}
	s.begin("listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "watch: false\nroutes: {a: {path: /a, upstream: a}, b: {path: /b, upstream: b}}\nupstreams:\n" +
		"  a: {addrs: [\"unix:" + path + "\"]}\n  b: {addrs: [\"" + asking.Addr().String() + "\"], proxy_protocol: v1, bind: 127.0.0.9}\n")
	request := func(at string) string { return "GET /" + at + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" }
	eventually(t, "the peer at a path answers", func() bool {
		body, err := talk(t, "tcp", s.listener, request("a"))
		return err == nil && body == "none"
	})
	body, err := talk(t, "tcp", s.listener, request("b"))
	if _, port, _ := net.SplitHostPort(s.listener); err != nil || !strings.HasPrefix(body, "PROXY TCP4 127.0.0.1 127.0.0.1 ") || !strings.HasSuffix(body, " "+port) {
		t.Errorf("got %q, %v", body, err)
	}
}
