package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

// listenerAt returns a listener of which nothing but the address is said.
func listenerAt(addr string) Listener {
	l := defaultListener()
	l.Addr = addr
	return l
}

func parseListener(text string) (*Config, error) {
	return Parse("", []byte("listeners: ["+text+"]\n"), noEnv)
}

// listenerCase is a listener as it is written, and what it changes of one at :1.
type listenerCase struct {
	text string
	want func(*Listener)
}

func listenerCases() []listenerCase {
	some := func(networks ...string) (list []netip.Prefix) {
		for _, n := range networks {
			list = append(list, netip.MustParsePrefix(n))
		}
		return list
	}
	pair := []CertFiles{{Cert: "a.pem", Key: "a.key"}}
	return []listenerCase{
		{`{addr: ":1", tls: {certs: [{cert: a.pem, key: a.key}]}}`, func(l *Listener) {
			l.TLS = ListenerTLS{Certs: pair, MinVersion: "1.2", H2: true, ClientAuth: "off"}
		}},
		{`{addr: ":1", tls: {certs: [{cert: a.pem, key: a.key}], client_ca: c.pem, min_version: 1.3, h2: false, strict_sni: true}}`, func(l *Listener) {
			l.TLS = ListenerTLS{Certs: pair, MinVersion: "1.3", ClientCA: "c.pem", ClientAuth: "require", StrictSNI: true}
		}},
		{`{addr: ":1", tls: {certs: [{cert: a.pem, key: a.key}], client_ca: c.pem, client_auth: request}}`, func(l *Listener) {
			l.TLS = ListenerTLS{Certs: pair, MinVersion: "1.2", H2: true, ClientCA: "c.pem", ClientAuth: "request"}
		}},
		{`{addr: ":1", proxy_protocol: true, trusted_proxies: [10.0.0.0/8]}`, func(l *Listener) {
			l.TrustedProxies = some("10.0.0.0/8")
			l.ProxyProtocol = ListenerProxyProtocol{On: true, Trusted: l.TrustedProxies}
		}},
		{`{addr: ":1", proxy_protocol: {}, trusted_proxies: [10.0.0.0/8]}`, func(l *Listener) {
			l.TrustedProxies = some("10.0.0.0/8")
			l.ProxyProtocol = ListenerProxyProtocol{On: true, Trusted: l.TrustedProxies}
		}},
		{`{addr: ":1", proxy_protocol: {trusted: ["0.0.0.0/0", "::/0"]}}`, func(l *Listener) {
			l.ProxyProtocol = ListenerProxyProtocol{On: true, Trusted: some("0.0.0.0/0", "::/0")}
		}},
		{`{addr: ":1", proxy_protocol: false}`, func(*Listener) {}},
		{`{addr: "unix:/run/../1", proxy_protocol: true}`, func(l *Listener) {
			l.Addr, l.ProxyProtocol.On = "unix:/1", true
		}},
		{`{addr: "fd:weir.socket", tcp_idle: 1s}`, func(l *Listener) {
			l.Addr, l.TCP.Idle = "fd:weir.socket", time.Second
		}},
		{`{addr: ":1", reuse_port: true, tcp_idle: 1m, tcp_interval: 2s, tcp_probe_count: 3, tcp_user_timeout: 4ms, tcp_recv_buf: 5KiB, tcp_send_buf: 6KiB, tcp_fast_open: true}`, func(l *Listener) {
			l.ReusePort = true
			l.TCP = messages.TCPOptions{Idle: time.Minute, Interval: 2 * time.Second, ProbeCount: 3, UserTimeout: 4 * time.Millisecond,
				RecvBuf: 5 << 10, SendBuf: 6 << 10, FastOpen: true}
		}},
		{`{addr: ":1", h2c: true, limits: {max_connections: 1, max_head: 2KiB, max_fields: 3, head_timeout: 4s, idle_timeout: 5s, body_timeout: 6s, min_body_rate: 7B, write_timeout: 0, max_h2_streams: 8}}`, func(l *Listener) {
			l.H2C = true
			l.Limits = ListenerLimits{MaxConnections: 1, MaxHead: 2 << 10, MaxFields: 3, HeadTimeout: 4 * time.Second, IdleTimeout: 5 * time.Second,
				BodyTimeout: 6 * time.Second, MinBodyRate: 7, MaxH2Streams: 8}
		}},
		{`{addr: ":1", limits: {min_body_rate: 0}}`, func(l *Listener) { l.Limits.MinBodyRate = 0 }},
	}
}

func TestListenersAreRead(t *testing.T) {
	for _, test := range listenerCases() {
		t.Run(test.text, func(t *testing.T) {
			cfg, err := parseListener(test.text)
			if err != nil {
				t.Fatal(err)
			}
			want := listenerAt(":1")
			test.want(&want)
			if diff := cmp.Diff(want, cfg.Listeners[0], cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("listener (-want +got):\n%s", diff)
			}
			if cfg.Listeners[0].TLS.On() != strings.Contains(test.text, "tls") {
				t.Error("TLS.On is wrong")
			}
			checkEffective(t, cfg)
		})
	}
}

func TestTheTrustOfAPROXYHeaderSaysWhereItComesFrom(t *testing.T) {
	cfg := mustParse(t, "listeners:\n  - addr: \":1\"\n    trusted_proxies: [10.0.0.0/8]\n    proxy_protocol: true\n")
	if got := squeeze(cfg.Effective()); !strings.Contains(got, `proxy_protocol: trusted: ["10.0.0.0/8"] # line 3`) {
		t.Errorf("got\n%s", cfg.Effective())
	}
}

func TestTwoSocketsAtOnePathAreAFault(t *testing.T) {
	_, err := parseListener(`{addr: "unix:/run/a:0"}, {addr: "unix:/run//a:0"}`)
	if faults := faultsOf(t, err); len(faults) != 1 || !strings.Contains(faults[0].Message, "listeners[0].addr has the address unix:/run/a:0 already") {
		t.Errorf("got %v", err)
	}
}

// TestNoFieldOfAListenerIsForgotten changes every field, and looks whether a
// comparison says so.
func TestNoFieldOfAListenerIsForgotten(t *testing.T) {
	cfg, err := parseListener(`{addr: ":1", tls: {certs: [{cert: a, key: b}], client_ca: c}, proxy_protocol: {trusted: ["::1"]}}`)
	if err != nil {
		t.Fatal(err)
	}
	next := *cfg
	next.Listeners = []Listener{cfg.Listeners[0]}
	n := visitFields(t, reflect.ValueOf(&next.Listeners[0]).Elem(), "", func(path string) {
		if Compare(cfg, &next).Empty() {
			t.Errorf("a change of %s goes unnoticed: %s", path, fmt.Sprint(next.Listeners[0]))
		}
	})
	if n < 26 {
		t.Errorf("visited %d fields only", n)
	}
}
