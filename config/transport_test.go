package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/messages"
)

func TestTransportIsRead(t *testing.T) {
	spec, err := ParseUpstream("u", []byte(`
addrs: [10.0.0.1, "10.0.0.2:8443", web]
sni: API.Example.com.
ca: ca.pem
client_cert: a.pem
client_key: a.key
tls_min_version: 1.3
alpn: h2h1
max_h2_streams: 1000
h2_ping_interval: 7s
max_idle: 0
tcp_idle: 1m
tcp_interval: 5s
tcp_probe_count: 16
tcp_user_timeout: 1500ms
tcp_recv_buf: 1KiB
tcp_send_buf: 1GiB
tcp_fast_open: true
proxy_protocol: v2
bind: "::ffff:10.0.0.9"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := defaultUpstream("u").Transport
	want.TLS = messages.PeerTLS{ServerName: "api.example.com", VerifyCert: true, CA: "ca.pem", ClientCert: "a.pem", ClientKey: "a.key", MinVersion: "1.3"}
	want.ALPN, want.MaxH2Streams, want.H2PingInterval, want.MaxIdle = messages.H2H1, 1000, 7*time.Second, 0
	want.TCP = messages.TCPOptions{Idle: time.Minute, Interval: 5 * time.Second, ProbeCount: 16, UserTimeout: 1500 * time.Millisecond,
		RecvBuf: 1 << 10, SendBuf: 1 << 30, FastOpen: true}
	want.ProxyProtocol, want.Bind = messages.ProxyV2, netip.MustParseAddr("10.0.0.9")
	if spec.Transport != want {
		t.Errorf("got %+v, want %+v", spec.Transport, want)
	}
	var addrs []string
	for _, p := range spec.Addrs.All() {
		addrs = append(addrs, p.Addr)
	}
	if diff := cmp.Diff([]string{"10.0.0.1:443", "10.0.0.2:8443", "web:443"}, addrs); diff != "" {
		t.Errorf("addresses with sni (-want +got):\n%s", diff)
	}
}

func TestTransportsReadAsTheSame(t *testing.T) {
	for _, text := range upstreamTexts() {
		cfg := mustParse(t, "{listeners: [{addr: \":1\", trusted_proxies: [\"::1\"]}], upstreams: {u: "+text+"}}")
		checkEffective(t, cfg)
		if len(cfg.Warnings) > 0 {
			t.Errorf("%s: warnings %v", text, cfg.Warnings)
		}
	}
}

func TestServerNames(t *testing.T) {
	runValues(t, item.serverName, []valueTest[string]{
		{text: "API.example.com.", want: "api.example.com"},
		{text: `""`, want: ""},
		{text: "$host", want: "$host"},
		{text: "10.0.0.1", want: "10.0.0.1"},
		{text: `"[2001:DB8::1]"`, want: "2001:db8::1"},
		{text: `"2001:DB8::1"`, want: "2001:db8::1"},
		{text: "$Host", fault: `"$host" for the host`},
		{text: "api.example.com:443", fault: "without a port"},
		{text: `"[::1]:443"`, fault: "want a host"},
		{text: "https://a", fault: "want a host"},
		{text: `"*.example.com"`, fault: "want a host"},
		{text: "0.0.0.0", fault: "want a host"},
		{text: `"fe80::1%eth0"`, fault: "want a host"},
		{text: `"a b"`, fault: "want a host"},
	})
}

func TestOfWhatChecksSendAheadOfThemselves(t *testing.T) {
	for check, want := range map[string]messages.ProxyProtocol{
		"":                              messages.ProxyV1,
		`, health_check: "http://a/"`:   messages.ProxyV1,
		`, health_check: {port: 81}`:    "", // another service
		`, health_check: off`:           "",
		`, health_check: {type: https}`: messages.ProxyV1,
	} {
		spec, err := ParseUpstream("u", []byte("{addrs: [a], proxy_protocol: v1"+check+"}"))
		if err != nil || spec.Check.ProxyProtocol != want {
			t.Errorf("%s: got %q, %v, want %q", check, spec.Check.ProxyProtocol, err, want)
		}
	}
}

func TestAnAuthorityThatVerifiesNothingIsOddAndLeftOut(t *testing.T) {
	cfg := mustParse(t, `{listeners: [{addr: ":1"}], upstreams: {u: {addrs: [a], sni: a, verify_cert: false, ca: x.pem}}}`)
	if len(cfg.Warnings) != 1 || cfg.Warnings[0].Path != "upstreams.u.ca" || !strings.Contains(cfg.Warnings[0].Message, "no effect") {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
	if tls := cfg.Desired.Upstreams.At(0).Transport.TLS; tls.CA != "" || tls.VerifyCert {
		t.Errorf("got %+v", tls)
	}
}

// TestNoFieldOfATransportIsForgotten changes every field, and looks whether a
// comparison says so.
func TestNoFieldOfATransportIsForgotten(t *testing.T) {
	spec := defaultUpstream("u")
	spec.Transport.TLS.ServerName, spec.Transport.ALPN = "a", messages.H2
	next := spec
	n := visitFields(t, reflect.ValueOf(&next.Transport).Elem(), "", func(path string) {
		if len(upstreamKeys(spec, next)) == 0 && path != ".MaxIdleTotal" { // no key: it follows from discovery
			t.Errorf("a change of %s goes unnoticed", path)
		}
	})
	if n < 25 {
		t.Errorf("visited %d fields only", n)
	}
}

// visitFields gives every field another value, one at a time.
func visitFields(t *testing.T, v reflect.Value, path string, changed func(path string)) (n int) {
	t.Helper()
	before := reflect.ValueOf(v.Interface())
	switch value := v.Addr().Interface().(type) {
	case *netip.Addr:
		*value = netip.MustParseAddr("10.9.9.9")
	case *[]netip.Prefix:
		*value = []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}
	case *[]CertFiles:
		*value = []CertFiles{{Cert: "another", Key: "another"}}
	default:
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				n += visitFields(t, v.Field(i), path+"."+v.Type().Field(i).Name, changed)
			}
			return n
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + int64(time.Second))
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.String:
			v.SetString("another")
		default:
			t.Fatalf("%s: no other value for a %s: teach this test", path, v.Type())
		}
	}
	changed(path)
	v.Set(before)
	return 1
}
