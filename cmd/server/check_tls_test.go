package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// strict starts a peer that wants a certificate of its clients, one that writePair
// wrote. Without http2 it speaks HTTP/1.1.
func strict(t *testing.T, dir, client string) (addr string) {
	t.Helper()
	writePair(t, dir, "peer", 1, 60, "shop.test")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "peer.pem"), filepath.Join(dir, "peer.key"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, client+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(text)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.TLS.ServerName)) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return l.Addr().String()
}

// TestProbesSpeakTLSAsRequestsDo, unless the check says otherwise.
func TestProbesSpeakTLSAsRequestsDo(t *testing.T) {
	s := newPlace(t)
	writePair(t, s.dir, "client", 2, 60, "weir.test")
	addr := strict(t, s.dir, "client")
	const shown = "client_cert: client.pem, client_key: client.key, "
	s.begin("listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "watch: false\nupstreams:\n" +
		"  same: {addrs: [\"" + addr + "\"], sni: shop.test, ca: peer.pem, " + shown + "health_check: \"https:///\"}\n" +
		"  bare: {addrs: [\"" + addr + "\"], sni: shop.test, ca: peer.pem, health_check: \"https:///\"}\n" +
		"  named: {addrs: [\"" + addr + "\"], sni: shop.test, ca: peer.pem, " + shown + "health_check: \"https://else.test/\"}\n" +
		"  own: {addrs: [\"" + addr + "\"], sni: shop.test, verify_cert: false, " + shown + "health_check: {type: https, tls: {verify: true}}}\n")
	for upstream, want := range map[string]string{"same": `"verdict":"healthy"`, "bare": `certificate required`, "named": `else.test`, "own": `unknown authority`} {
		eventually(t, "the verdict of "+upstream, func() bool {
			_, _, view := get(t, s.adminURL+"/api/v1/upstreams/"+upstream)
			return strings.Contains(view, want) && (upstream == "same" || strings.Contains(view, `"reason":"tls"`))
		})
	}
}
