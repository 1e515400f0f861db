package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestPeersWhoseCertificateIsRefused has peers that show an expired certificate,
// one for another name, and one that nobody signed: the answer, the log and the
// event of a check that speaks TLS say so, each with the same code.
func TestPeersWhoseCertificateIsRefused(t *testing.T) {
	s := newPlace(t)
	good, ended := secure(t, s.dir, 1), ""
	trusted := filepath.Join(s.dir, "peer.pem")
	old := newPlace(t) // another directory
	ended = secureUntil(t, old.dir, 2, -1)
	peers := []struct{ name, addr, keys, check, detail string }{
		{"expired", ended, "sni: shop.test, ca: " + filepath.Join(old.dir, "peer.pem"), "shop.test", "the peer's certificate has expired or is not valid yet"},
		{"misnamed", good, "sni: else.test, ca: " + trusted, "else.test", "the peer's certificate is for another name"},
		{"unsigned", good, "sni: shop.test", "shop.test", "the peer's certificate is not trusted"},
	}
	text := "listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "watch: false\nroutes:\n"
	more := "upstreams:\n"
	for _, p := range peers {
		text += "  " + p.name + ": {path: /" + p.name + ", upstream: " + p.name + "}\n"
		more += "  " + p.name + ": {addrs: [\"" + p.addr + "\"], retry: {attempts: 0}, health_check: off, " + p.keys + "}\n"
		// The same peer, probed over TLS.
		ca := ""
		if _, file, ok := strings.Cut(p.keys, "ca: "); ok {
			ca = ", tls: {ca: " + file + "}"
		}
		more += "  " + p.name + "-probed: {addrs: [\"" + p.addr + "\"], " + p.keys + ", health_check: {type: https, host: " + p.check + ca + "}}\n"
	}
	s.write(text + more)
	if code, out, stderr := command(t, "check", "-c", s.file); code != 0 {
		t.Fatal(out, stderr)
	}
	s.begin(text + more)
	for _, p := range peers {
		status, header, body := get(t, "http://"+s.listener+"/"+p.name)
		if status != http.StatusBadGateway || header.Get("X-Weir-Error") != "tls" || !strings.HasPrefix(body, "tls: ") {
			t.Errorf("%s: got %d, X-Weir-Error %q, %q", p.name, status, header.Get("X-Weir-Error"), body)
		}
		eventually(t, "the log says why "+p.name+" is refused", func() bool {
			for line := range strings.Lines(s.instance.stderr.String()) {
				if strings.Contains(line, `"upstream":"`+p.name+`"`) && strings.Contains(line, `"code":"tls"`) && strings.Contains(line, p.detail) {
					return true
				}
			}
			return false
		})
		eventually(t, "an event says why "+p.name+" is refused", func() bool {
			_, out, _ := command(t, "events", "--no-follow", "--json", "--upstream", p.name+"-probed", "--admin", s.adminURL)
			return strings.Contains(out, `"to":"unhealthy"`) && strings.Contains(out, `"reason":"tls"`) && strings.Contains(out, "certificate")
		})
	}
}
