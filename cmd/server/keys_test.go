package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/weirproxy/weir/internal/natstest"
)

// The tests of this file look at what keys of a file do to a running weir; what the
// parts make of them is tested where they are.

// tells is a peer that answers with what a request says of its client.
func tells(t *testing.T) (addr string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s|%s|%s", r.Header.Get("X-Forwarded-For"), r.Header.Get("Forwarded"), r.RemoteAddr)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestWhoIsBelievedAndWhatPeersAreTold(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n"
	s := newPlace(t)
	plain := freeAddr(t)
	s.begin("listeners:\n- {addr: \"" + plain + "\"}\n- {addr: \"" + s.listener + "\", trusted_proxies: [\"127.0.0.0/8\"], forwarded: true}\n" + s.own() +
		"watch: false\nlog: {access: true}\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + tells(t) + "\"], bind: 127.0.0.9}}\n")
	if got, err := talk(t, "tcp", plain, request); err != nil || !strings.HasPrefix(got, "127.0.0.1||127.0.0.9:") {
		t.Errorf("a stranger: %q, %v", got, err)
	}
	if got, err := talk(t, "tcp", s.listener, request); err != nil || !strings.HasPrefix(got, "192.0.2.1, 127.0.0.1|") || !strings.Contains(got, "for=") {
		t.Errorf("a friend: %q, %v", got, err)
	}
	eventually(t, "the access log has both", func() bool { return strings.Count(s.instance.stderr.String(), `"msg":"request"`) == 2 })
}

func TestWhatAListenerAsksOfTLS(t *testing.T) {
	s := newPlace(t)
	shop := writePair(t, s.dir, "shop", 1, 60, "shop.test")
	ca := writePair(t, s.dir, "client", 2, 60, "client.test")
	file := func(name string) string { return filepath.Join(s.dir, name) }
	certs := "certs: [{cert: " + file("shop.pem") + ", key: " + file("shop.key") + "}]"
	modern, strict, mutual, slow := freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t)
	s.begin("listeners:\n- {addr: \"" + modern + "\", tls: {" + certs + ", min_version: \"1.3\"}}\n- {addr: \"" + strict + "\", tls: {" + certs + ", strict_sni: true}}\n" +
		"- {addr: \"" + mutual + "\", tls: {" + certs + ", client_ca: " + file("client.pem") + "}}\n- {addr: \"" + slow + "\", tls: {" + certs + ", h2: false}}\n" +
		s.own() + "watch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + tells(t) + "\"]}}\n")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(shop)
	pair, err := tls.LoadX509KeyPair(file("client.pem"), file("client.key"))
	if err != nil || len(ca) == 0 {
		t.Fatal(err)
	}
	shake := func(addr string, change func(*tls.Config)) (protocol string, err error) {
		cfg := &tls.Config{RootCAs: pool, ServerName: "shop.test", NextProtos: []string{"h2", "http/1.1"}}
		change(cfg)
		c, err := tls.Dial("tcp", addr, cfg)
		if err != nil {
			return "", err
		}
		defer func() { _ = c.Close() }()
		protocol = c.ConnectionState().NegotiatedProtocol
		if protocol == "h2" {
			_, err = c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		} else {
			_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		}
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 9)) // with TLS 1.3 a refusal comes after the handshake
		}
		return protocol, err
	}
	for _, tt := range []struct {
		name, addr string
		change     func(*tls.Config)
		want       string // the protocol; empty = refused
	}{
		{"min_version, an old client", modern, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		{"min_version, a new client", modern, func(*tls.Config) {}, "h2"},
		{"no min_version", strict, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "h2"},
		{"strict_sni, another name", strict, func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "else.test", true }, ""},
		{"no strict_sni", modern, func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "else.test", true }, "h2"},
		{"client_ca, nothing shown", mutual, func(*tls.Config) {}, ""},
		{"client_ca", mutual, func(c *tls.Config) { c.Certificates = []tls.Certificate{pair} }, "h2"},
		{"h2 off", slow, func(*tls.Config) {}, "http/1.1"},
	} {
		if got, err := shake(tt.addr, tt.change); (err == nil) != (tt.want != "") || err == nil && got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestTheLeastVersionOfTLSToAPeer(t *testing.T) {
	s := newPlace(t)
	writePair(t, s.dir, "old", 1, 60, "shop.test")
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "old.pem"), filepath.Join(s.dir, "old.key"))
	if err != nil {
		t.Fatal(err)
	}
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	old.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12}
	old.Config.ErrorLog = nil
	old.StartTLS()
	t.Cleanup(old.Close)
	addr := old.Listener.Addr().String()
	s.begin("listeners: [{addr: \"" + s.listener + "\"}]\n" + s.own() + "watch: false\nroutes: {any: {path: /any, upstream: any}, new: {path: /new, upstream: new}}\n" +
		"upstreams:\n  any: {addrs: [\"" + addr + "\"], sni: shop.test, verify_cert: false}\n  new: {addrs: [\"" + addr + "\"], sni: shop.test, verify_cert: false, tls_min_version: \"1.3\"}\n")
	for path, want := range map[string]string{"/any": "", "/new": "tls"} {
		if _, header, _ := get(t, "http://"+s.listener+path); header.Get("X-Weir-Error") != want {
			t.Errorf("%s: %q, want %q", path, header.Get("X-Weir-Error"), want)
		}
	}
}

// While it delays its end, weir says that it is not ready, and serves.
func TestTheDelayOfAShutdown(t *testing.T) {
	s := newPlace(t)
	s.begin(s.web("{addr: \""+s.listener+"\"}", tells(t)) + "shutdown: {delay: 2s}\n")
	s.instance.cancel()
	eventually(t, "it is not ready", func() bool {
		status, _, _ := get(t, s.adminURL+"/readyz")
		return status == http.StatusServiceUnavailable
	})
	if status := hold(t, s.listener); status != http.StatusOK {
		t.Errorf("got %d during the delay", status)
	}
	if code := s.instance.end(); code != 0 {
		t.Errorf("status %d", code)
	}
}

// A listener that is removed lets its clients end, within shutdown.timeout.
func TestARemovedListenerDrains(t *testing.T) {
	slow, finish := slowPeer(t)
	s := newPlace(t)
	other := freeAddr(t)
	s.begin(s.web("{addr: \""+s.listener+"\"}, {addr: \""+other+"\"}", slow))
	body := download(t, "http://"+other+"/")
	s.write(s.web("{addr: \""+s.listener+"\"}", slow))
	if code, _, stderr := s.reload(); code != 0 {
		t.Fatal(stderr)
	}
	if c, err := net.Dial("tcp", other); err == nil {
		_ = c.Close()
		t.Error("it still takes clients")
	}
	close(finish)
	if rest, err := io.ReadAll(body); string(rest) != "finished\n" || err != nil {
		t.Errorf("the download ends with %q, %v", rest, err)
	}
}

// TestStateAndHistoryOverNATS asks a weir for its state by its own name and prefix,
// and has its history cut off.
func TestStateAndHistoryOverNATS(t *testing.T) {
	server := natstest.Start(t, nil)
	s := newPlace(t)
	s.begin("listeners: [{addr: \"" + s.listener + "\"}]\nadmin: {addr: \"" + s.admin + "\"}\nnats: {url: " + server.URL() + ", prefix: edge, events: {max_age: 5m, max_bytes: 2MiB}}\n" +
		"cluster: {member: left}\ndata_dir: " + filepath.Join(s.dir, "data") + "\nwatch: false\nroutes: {web: {path: /, upstream: web}}\nupstreams: {web: {addrs: [\"" + tells(t) + "\"]}}\n")
	nc, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	for subject, want := range map[string]string{"status": "weir.state.v1.status", "upstreams": "weir.state.v1.upstreams", "upstream.web": "weir.state.v1.upstream"} {
		var state struct{ Type, Member string }
		eventually(t, subject+" is told", func() bool {
			answer, err := nc.Request("edge.svc.state."+subject, nil, time.Second)
			return err == nil && json.Unmarshal(answer.Data, &state) == nil
		})
		if state.Type != want || subject == "status" && state.Member != "left" {
			t.Errorf("%s: %+v", subject, state)
		}
	}
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	var stream *nats.StreamInfo
	eventually(t, "events are stored", func() bool {
		stream, err = js.StreamInfo("EDGE_EVENTS")
		return err == nil && stream.State.Msgs >= 2
	})
	if stream.Config.MaxAge != 5*time.Minute || stream.Config.MaxBytes != 2<<20 {
		t.Errorf("the stream keeps %v, %d bytes", stream.Config.MaxAge, stream.Config.MaxBytes)
	}
	if err := js.PurgeStream("EDGE_EVENTS", &nats.StreamPurgeRequest{Keep: 1}); err != nil {
		t.Fatal(err)
	}
	for _, from := range [][]string{{"--admin", s.adminURL}, {"--nats", server.URL(), "--prefix", "edge"}} {
		code, _, stderr := command(t, append([]string{"events", "--no-follow", "--since", "1h"}, from...)...)
		if code != 0 || !strings.Contains(stderr, "history is cut off") {
			t.Errorf("%v: status %d, %s", from, code, stderr)
		}
	}
}
