package nethttp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// tellProtocol answers with what it was spoken to by.
func tellProtocol(w http.ResponseWriter, r *http.Request) {
	name := "-"
	if r.TLS != nil {
		name = r.TLS.ServerName
	}
	_, _ = fmt.Fprintf(w, "%s %s %s", r.Proto, name, r.Host)
}

func TestWhatIsSpokenWithPeers(t *testing.T) {
	ca := newPeerCA(t)
	cert := ca.issue(t, peerName, time.Now().Add(time.Hour))
	socket := filepath.Join(t.TempDir(), "peer")
	for _, tt := range []struct {
		name string
		peer serving
		alpn messages.ALPN
		want string
	}{
		{"HTTP/1.1 without TLS", serving{h1: true}, messages.H1, "HTTP/1.1 - a"},
		{"HTTP/1.1 is the default", serving{h1: true, h2: true, tls: secured(cert)}, "", "HTTP/1.1 peer.test a"},
		{"HTTP/1.1 over TLS", serving{h1: true, h2: true, tls: secured(cert)}, messages.H1, "HTTP/1.1 peer.test a"},
		{"HTTP/2 without TLS", serving{h2: true}, messages.H2, "HTTP/2.0 - a"},
		{"HTTP/2 over TLS", serving{h1: true, h2: true, tls: secured(cert)}, messages.H2, "HTTP/2.0 peer.test a"},
		{"either, of a peer that offers both", serving{h1: true, h2: true, tls: secured(cert)}, messages.H2H1, "HTTP/2.0 peer.test a"},
		{"either, of a peer with HTTP/1.1 only", serving{h1: true, tls: secured(cert)}, messages.H2H1, "HTTP/1.1 peer.test a"},
		{"either, without TLS", serving{h1: true, h2: true}, messages.H2H1, "HTTP/1.1 - a"},
		{"a socket of the machine", serving{h1: true, network: "unix", addr: socket + "1"}, messages.H1, "HTTP/1.1 - a"},
		{"HTTP/2 over a socket of the machine", serving{h2: true, network: "unix", addr: socket + "2"}, messages.H2, "HTTP/2.0 - a"},
		{"TLS over a socket of the machine", serving{h2: true, tls: secured(cert), network: "unix", addr: socket + "3"}, messages.H2H1, "HTTP/2.0 peer.test a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := serve(t, tt.peer, tellProtocol)
			codec := peerCodec(t, messages.Transport{ALPN: tt.alpn}, ca.trusting())
			name := ""
			if tt.peer.tls != nil {
				name = peerName
			}
			for range 3 {
				if status, body := answered(t, codec, newRequest(peer.addr, name, "GET")); status != 200 || body != tt.want {
					t.Errorf("got %d %q, want %q", status, body, tt.want)
				}
			}
			if n := peer.accepted.Load(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

func TestHandshakesThatFail(t *testing.T) {
	ca, other := newPeerCA(t), newPeerCA(t)
	later := time.Now().Add(time.Hour)
	good := ca.issue(t, peerName, later)
	old := secured(good)
	old.MaxVersion = tls.VersionTLS12
	old.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	strict := secured(good)
	strict.ClientAuth, strict.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	strict12 := strict.Clone()
	strict12.MaxVersion = tls.VersionTLS12
	newest := &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS13}
	for _, tt := range []struct {
		name   string
		peer   serving
		alpn   messages.ALPN
		deps   nethttp.PeerDeps
		detail string
	}{
		{"a certificate of a stranger", serving{h1: true, tls: secured(other.issue(t, peerName, later))}, "", ca.trusting(), "is not trusted"},
		{"a certificate for another name", serving{h1: true, tls: secured(ca.issue(t, "other.test", later))}, "", ca.trusting(), "for another name"},
		{"a certificate that expired", serving{h1: true, tls: secured(ca.issue(t, peerName, time.Now().Add(-time.Hour)))}, "", ca.trusting(), "has expired"},
		{"a peer without TLS", serving{h1: true}, "", ca.trusting(), "does not speak TLS"},
		{"no version in common", serving{h1: true, tls: old}, "", nethttp.PeerDeps{TLS: func(string) (*tls.Config, error) { return newest, nil }}, "no version or cipher"},
		{"a peer without HTTP/2", serving{h1: true, tls: secured(good)}, messages.H2, ca.trusting(), "does not offer HTTP/2"},
		{"no certificate of the client, TLS 1.2", serving{h1: true, tls: strict12}, "", ca.trusting(), "client certificate"},
		{"no certificate of the client, TLS 1.3", serving{h1: true, tls: strict}, "", ca.trusting(), "client certificate"},
		{"no certificate of the client, HTTP/2", serving{h2: true, tls: strict}, messages.H2, ca.trusting(), "client certificate"},
		{"nothing that speaks TLS", serving{h1: true, tls: secured(good)}, "", nethttp.PeerDeps{}, "speak TLS"},
		{"a configuration that fails", serving{h1: true, tls: secured(good)}, "", nethttp.PeerDeps{TLS: func(string) (*tls.Config, error) { return nil, errors.New("no such file") }}, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := serve(t, tt.peer, tellProtocol)
			codec := peerCodec(t, messages.Transport{ALPN: tt.alpn}, tt.deps)
			err := codec.Send(newRequest(peer.addr, peerName, "POST"))
			check(t, err, messages.CodeTLS, true)
			if !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("got %v, want %q in it", err, tt.detail)
			}
		})
	}
}

func TestANameIsMissing(t *testing.T) {
	codec := peerCodec(t, messages.Transport{TLS: messages.PeerTLS{ServerName: messages.HostServerName}}, newPeerCA(t).trusting())
	peer := serve(t, serving{h1: true}, tellProtocol)
	check(t, codec.Send(newRequest(peer.addr, "", "GET")), messages.CodeTLS, true)
}

func TestHandshakesTakeTheirTime(t *testing.T) {
	peer := scripted(t)
	for _, alpn := range []messages.ALPN{messages.H1, messages.H2} {
		codec := peerCodec(t, messages.Transport{TotalConnectionTimeout: short, ALPN: alpn}, newPeerCA(t).trusting())
		check(t, codec.Send(newRequest(peer.addr(), peerName, "POST")), messages.CodeConnectTimeout, true)
		if n := codec.Stats().HandshakesFailed; n != 1 {
			t.Errorf("%d handshakes failed, want 1", n)
		}
	}
	// Without TLS, HTTP/2 begins with a word of the peer.
	codec := peerCodec(t, messages.Transport{TotalConnectionTimeout: short, ALPN: messages.H2}, nethttp.PeerDeps{})
	check(t, codec.Send(newRequest(peer.addr(), "", "POST")), messages.CodeConnectTimeout, true)
}

func TestHandshakesResume(t *testing.T) {
	ca := newPeerCA(t)
	cfg := secured(ca.issue(t, peerName, time.Now().Add(time.Hour)))
	peer := serve(t, serving{h1: true, tls: cfg}, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.TLS.DidResume) })
	codec := peerCodec(t, messages.Transport{MaxIdle: keepNone}, ca.trusting())
	var got []string
	for range 2 {
		_, body := answered(t, codec, newRequest(peer.addr, peerName, "GET"))
		got = append(got, body)
	}
	if got[0] != "false" || got[1] != "true" {
		t.Errorf("resumed: %v", got)
	}
}

func TestDialIsAskedForConnections(t *testing.T) {
	peer := serve(t, serving{h1: true}, tellProtocol)
	var asked []string
	deps := nethttp.PeerDeps{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		asked = append(asked, network+" "+addr)
		return (&net.Dialer{}).DialContext(ctx, "tcp", peer.addr)
	}}
	codec := peerCodec(t, messages.Transport{}, deps)
	answered(t, codec, newRequest(peer.addr, "", "GET"))
	answered(t, codec, newRequest("unix:/no/such/path", "", "GET"))
	if want := []string{"tcp " + peer.addr, "unix /no/such/path"}; strings.Join(asked, ",") != strings.Join(want, ",") {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestUpgradesOverTLS(t *testing.T) {
	ca := newPeerCA(t)
	cfg := secured(ca.issue(t, peerName, time.Now().Add(time.Hour)))
	peer := serve(t, serving{h1: true, h2: true, tls: cfg}, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = rw.WriteString("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello")
		_ = rw.Flush()
	})
	codec := peerCodec(t, messages.Transport{ALPN: messages.H2H1}, ca.trusting())
	if status, _ := answered(t, codec, newRequest(peer.addr, peerName, "GET")); status != http.StatusTeapot {
		t.Errorf("got %d, want HTTP/2", status)
	}
	x := newRequest(peer.addr, peerName, "GET")
	x.Request.Upgrade = "x"
	if err := codec.Send(x); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if n, err := x.Response.Tunnel.Read(got); n == 0 || !strings.HasPrefix("hello", string(got[:n])) {
		t.Errorf("got %q, %v", got[:n], err)
	}
	_ = x.Response.Tunnel.Close()
	var f *proxy.Failure
	codec = peerCodec(t, messages.Transport{ALPN: messages.H2}, ca.trusting())
	if err := codec.Send(x); !errors.As(err, &f) || f.Code != messages.CodeBadRequest || !f.Unsent || !strings.Contains(err.Error(), "Upgrade") {
		t.Errorf("got %v", err)
	}
}

// With TLS 1.3 a certificate is refused after the handshake, while the request is
// being sent: that the write broke first does not hide why.
func TestARefusedCertificateIsHeardThoughTheBodyBroke(t *testing.T) {
	ca := newPeerCA(t)
	cfg := secured(ca.issue(t, peerName, time.Now().Add(time.Hour)))
	cfg.ClientAuth, cfg.ClientCAs, cfg.MinVersion = tls.RequireAndVerifyClientCert, ca.pool(), tls.VersionTLS13
	peer := serve(t, serving{h1: true, tls: cfg}, func(http.ResponseWriter, *http.Request) {})
	codec := peerCodec(t, messages.Transport{}, ca.trusting())
	for range 100 {
		x := newRequest(peer.addr, peerName, http.MethodPost)
		x.Request.Body, x.Request.ContentLength = bytes.NewReader(make([]byte, 1<<20)), 1<<20
		check(t, codec.Send(x), messages.CodeTLS, true)
	}
}
