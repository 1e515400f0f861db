package nethttp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// peerCA issues the certificates of peers.
type peerCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPeerCA(t testing.TB) *peerCA {
	t.Helper()
	ca := &peerCA{}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peers"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour)}
	var err error
	if ca.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ca.key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return ca
}

// issue makes a certificate for name that is valid until end.
func (ca *peerCA) issue(t testing.TB, name string, end time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (ca *peerCA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// trusting are the deps of a codec that trusts ca.
func (ca *peerCA) trusting() nethttp.PeerDeps {
	cfg := &tls.Config{RootCAs: ca.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	return nethttp.PeerDeps{TLS: func(string) (*tls.Config, error) { return cfg, nil }}
}

// peerName is what the certificates of peers are for.
const peerName = "peer.test"

// httpPeer is a net/http server.
type httpPeer struct {
	*http.Server
	addr     string
	accepted atomic.Int64
	open     atomic.Int64
}

// serving says how a peer is spoken to: which HTTP, and TLS if cfg is set.
type serving struct {
	h1, h2  bool
	tls     *tls.Config
	network string // "" = tcp
	addr    string
	http2   *http.HTTP2Config
	watch   func(net.Conn, http.ConnState)
}

// serve starts a peer. It ends with the test.
func serve(t testing.TB, s serving, handler http.HandlerFunc) *httpPeer {
	t.Helper()
	if s.network == "" {
		s.network, s.addr = "tcp", "127.0.0.1:0"
	}
	l, err := net.Listen(s.network, s.addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &httpPeer{addr: l.Addr().String()}
	if s.network == "unix" {
		p.addr = "unix:" + s.addr
	}
	var protocols http.Protocols
	protocols.SetHTTP1(s.h1)
	protocols.SetHTTP2(s.h2 && s.tls != nil)
	protocols.SetUnencryptedHTTP2(s.h2 && s.tls == nil)
	p.Server = &http.Server{Handler: handler, Protocols: &protocols, TLSConfig: s.tls, HTTP2: s.http2, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ConnState: func(conn net.Conn, state http.ConnState) {
			if s.watch != nil {
				s.watch(conn, state)
			}
			switch state {
			case http.StateNew:
				p.accepted.Add(1)
				p.open.Add(1)
			case http.StateClosed, http.StateHijacked:
				p.open.Add(-1)
			}
		}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.tls != nil {
			_ = p.ServeTLS(l, "", "")
			return
		}
		_ = p.Serve(l)
	}()
	t.Cleanup(func() {
		_ = p.Server.Close()
		<-ended
	})
	return p
}

// secured is the TLS configuration of a peer with that certificate.
func secured(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

// peerCodec returns a codec that keeps connections. It ends with the test.
func peerCodec(t testing.TB, tr messages.Transport, d nethttp.PeerDeps) *nethttp.PeerCodec {
	c := nethttp.NewPeerCodec(keeping(tr), d)
	t.Cleanup(c.Close)
	return c
}

// newRequest makes an exchange with a request by method to addr, by TLS if name is set.
func newRequest(addr, name, method string) *proxy.Exchange {
	x := newExchange(addr, method, nil, 0)
	x.To.ServerName = name
	x.Remote, x.Local = netip.MustParseAddrPort("192.0.2.1:1111"), netip.MustParseAddrPort("192.0.2.2:80")
	return x
}

// answered sends x and returns status and body.
func answered(t testing.TB, c proxy.PeerCodec, x *proxy.Exchange) (int, string) {
	t.Helper()
	if err := c.Send(x); err != nil {
		t.Fatalf("send: %v", err)
	}
	body, err := io.ReadAll(x.Response.Body)
	if err != nil {
		t.Errorf("read the body: %v", err)
	}
	_ = x.Response.Body.Close()
	return x.Response.Status, string(body)
}

// eventually polls until met.
func eventually(t testing.TB, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !met(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
