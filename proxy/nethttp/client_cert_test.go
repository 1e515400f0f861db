package nethttp_test

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// TestClientWithoutTheCertificateIsToldSo. With TLS 1.3 a client sends its request
// before it can know: it must hear of it all the same.
func TestClientWithoutTheCertificateIsToldSo(t *testing.T) {
	ca, other := newListenerCA(t), newListenerCA(t)
	for name, tt := range map[string]struct {
		shows   []tls.Certificate
		version uint16
		alert   string
	}{
		"none":                 {nil, tls.VersionTLS13, "certificate required"},
		"none, with TLS 1.2":   {nil, tls.VersionTLS12, "handshake failure"},
		"of another authority": {[]tls.Certificate{other.client}, tls.VersionTLS13, "unknown certificate authority"},
	} {
		t.Run(name, func(t *testing.T) {
			peer := peertest.Start(t)
			cfg := ca.config()
			cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
			h := open(t, plan{server: nethttp.ServerConfig{TLS: cfg}}, peer.Addr())
			mine := ca.trust("a")
			mine.MaxVersion = tt.version
			mine.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(tt.shows) == 0 {
					return &tls.Certificate{}, nil
				}
				return &tt.shows[0], nil // though it was not asked for one of this authority
			}
			const times = 20
			for range times {
				raw := dial(t, h.addr)
				c := tls.Client(raw.Conn, mine)
				// More than is read in the handshake: what is unread at the end breaks the connection.
				err := c.Handshake()
				if err == nil {
					_, err = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 200_000))
				}
				if err == nil {
					_, err = io.ReadAll(c)
				}
				if err == nil || !strings.Contains(err.Error(), tt.alert) {
					t.Errorf("the client is told %v", err)
				}
				_ = c.Close()
			}
			// The client hears of it a moment before it is counted.
			for end := time.Now().Add(patience); h.server.Stats().HandshakesFailed < times && time.Now().Before(end); <-time.After(time.Millisecond) {
			}
			if len(peer.Requests()) != 0 || h.server.Stats().HandshakesFailed != times {
				t.Errorf("the peer saw %d requests, counted %+v", len(peer.Requests()), h.server.Stats())
			}
		})
	}
}
