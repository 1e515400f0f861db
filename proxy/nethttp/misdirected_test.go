package nethttp_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weirproxy/weir/internal/peertest"
	"github.com/weirproxy/weir/proxy/nethttp"
)

// ask sends a GET and returns the status.
func ask(t testing.TB, tr http.RoundTripper, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

// TestRequestsForAnotherHostThanTLSWasAskedFor are allowed, but where clients show
// certificates: what was shown to one host is not for another (RFC 9110, 7.4).
func TestRequestsForAnotherHostThanTLSWasAskedFor(t *testing.T) {
	ca := newListenerCA(t)
	asking := func(auth tls.ClientAuthType) *tls.Config {
		cfg := ca.config()
		cfg.ClientAuth, cfg.ClientCAs = auth, ca.pool
		return cfg
	}
	chosen := ca.config()
	chosen.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return asking(tls.RequireAndVerifyClientCert), nil }
	off := asking(tls.RequireAndVerifyClientCert)
	off.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return ca.config(), nil }
	required := asking(tls.RequireAndVerifyClientCert)
	for name, tt := range map[string]struct {
		cfg       *tls.Config
		sni, host string
		status    int
	}{
		"no certificates are asked for":        {ca.config(), "a", "b", 200},
		"the same":                             {required, "a", "a", 200},
		"the same, with a port":                {required, "a", "a:8443", 200},
		"the same, in upper case":              {required, "a", "A", 200},
		"the same, with a dot":                 {required, "a", "a.:443", 200},
		"another":                              {required, "a", "b", 421},
		"another, with a port":                 {required, "a", "b:443", 421},
		"an address in place of the name":      {required, "a", "127.0.0.1", 421},
		"a certificate is welcome":             {asking(tls.VerifyClientCertIfGiven), "a", "b", 421},
		"the choice for the client asks":       {chosen, "a", "b", 421},
		"the choice for the client does not":   {off, "a", "b", 200},
		"an address, which TLS cannot name":    {required, "", "127.0.0.1:443", 200},
		"an address of IPv6":                   {required, "", "[::1]:443", 200},
		"a name, where TLS was asked for none": {required, "", "b", 200},
	} {
		for _, proto := range []string{"http/1.1", "h2"} {
			t.Run(name+" over "+proto, func(t *testing.T) {
				peer := peertest.Start(t)
				h := open(t, plan{server: nethttp.ServerConfig{TLS: tt.cfg}}, peer.Addr())
				cfg := ca.trust(tt.sni)
				cfg.InsecureSkipVerify = tt.sni == ""
				cfg.Certificates = []tls.Certificate{ca.client}
				m := manner{tls: true, http2: proto == "h2"}
				tr := m.client(t, ca)
				tr.TLSClientConfig = cfg
				req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+h.addr, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = tt.host
				resp, err := tr.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != tt.status || tt.status == 421 && !strings.Contains(string(body), "another host") {
					t.Errorf("got %d %q (%v), want %d", resp.StatusCode, body, err, tt.status)
				}
				if (len(peer.Requests()) == 1) != (tt.status == 200) {
					t.Errorf("the peer saw %d requests", len(peer.Requests()))
				}
			})
		}
	}
}

// TestARequestWithoutAHostIsForTheOneThatTLSWasAskedFor, as HTTP/1.0 allows.
func TestARequestWithoutAHostIsForTheOneThatTLSWasAskedFor(t *testing.T) {
	ca, peer := newListenerCA(t), peertest.Start(t)
	cfg := ca.config()
	cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
	h := open(t, plan{server: nethttp.ServerConfig{TLS: cfg}}, peer.Addr())
	mine := ca.trust("a")
	mine.Certificates = []tls.Certificate{ca.client}
	w := ca.dial(t, h.addr, mine)
	w.send("GET / HTTP/1.0\n\n")
	if resp, body := w.response("GET"); resp.StatusCode != 200 {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}
