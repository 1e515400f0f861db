package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
)

// serials remembers the serial numbers of certificates that were shown.
type serials struct {
	mu   sync.Mutex
	seen map[int64]bool
}

func (s *serials) note(c tls.ConnectionState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[int64]bool{}
	}
	for _, cert := range c.PeerCertificates {
		s.seen[cert.SerialNumber.Int64()] = true
	}
	return nil
}

func (s *serials) has(serial int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[serial]
}

// TestCertificatesAreReplacedUnderLoad has the certificate that clients see, and the one
// that the peer sees, replaced again and again: no request fails, and each comes to be seen.
func TestCertificatesAreReplacedUnderLoad(t *testing.T) {
	s := newPlace(t)
	writePair(t, s.dir, "peer", 1, 60, "stock.test")
	var byClients, byPeer serials
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "peer.pem"), filepath.Join(s.dir, "peer.key"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Each answer ends its connection, so that each request shows the certificate.
	peer := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert, VerifyConnection: byPeer.note},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })}
	done := make(chan struct{})
	go func() { defer close(done); _ = peer.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = peer.Close(); <-done })
	show := func(serial int64) {
		writePair(t, s.dir, "shop", serial, 60, "shop.test")
		writePair(t, s.dir, "weir", serial, 60, "weir.test")
	}
	show(100)
	s.begin("listeners: [{addr: \"" + s.listener + "\", tls: {certs: [{cert: shop.pem, key: shop.key}]}}]\n" + s.own() + "watch: false\nroutes: {web: {path: /, upstream: web}}\n" +
		"upstreams: {web: {addrs: [\"" + l.Addr().String() + "\"], sni: stock.test, ca: peer.pem, client_cert: weir.pem, client_key: weir.key}}\n")
	c := newCrowd(t, "https://"+s.listener+"/", &tls.Config{ServerName: "shop.test", InsecureSkipVerify: true, VerifyConnection: byClients.note})
	for serial := int64(101); serial <= 104; serial++ {
		c.await(20)
		show(serial)
		eventually(t, "both certificates are shown", func() bool { return byClients.has(serial) && byPeer.has(serial) })
	}
	c.await(20)
	c.stop()
	t.Logf("%d answers", c.total())
}
