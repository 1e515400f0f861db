package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Bounds of how peers are spoken to. A peer that takes more than 1000 streams on
// one connection is better served by a second connection.
const (
	maxPeerStreams = 1000
	minH2Ping      = time.Second
	maxIdleConns   = 100_000
)

// transport reads how peers are spoken to, all but sni, which decides what addrs
// mean and was read before them.
func (o *object) transport(spec *messages.UpstreamSpec) {
	t := &spec.Transport
	for _, timeout := range []struct {
		key  string
		into *time.Duration
	}{
		{"connection_timeout", &t.ConnectionTimeout},
		{"total_connection_timeout", &t.TotalConnectionTimeout},
		{"response_timeout", &t.ResponseTimeout},
		{"read_timeout", &t.ReadTimeout},
		{"write_timeout", &t.WriteTimeout},
		{"idle_timeout", &t.IdleTimeout},
		{"tunnel_timeout", &t.TunnelTimeout},
	} {
		read(o, timeout.key, timeout.into, duration(time.Millisecond))
	}
	read(o, "max_idle", &t.MaxIdle, count(0, maxIdleConns))
	o.peerTLS(&t.TLS)
	o.peerHTTP(t)
	o.peerSocket(spec)
	version := ""
	read(o, "proxy_protocol", &version, oneOf(string(messages.ProxyV1), string(messages.ProxyV2)))
	t.ProxyProtocol = messages.ProxyProtocol(version)
	if spec.Check.Kind != messages.CheckOff && spec.Check.Port == 0 { // another port is another service
		spec.Check.ProxyProtocol = t.ProxyProtocol
		if spec.Check.Kind == messages.CheckHTTPS {
			o.probeTLS(&spec.Check.HTTP, t.TLS)
		}
	}
}

// serverName reads sni, and returns the port of addresses that name none.
func (o *object) serverName(t *messages.PeerTLS) (port int) {
	read(o, "sni", &t.ServerName, item.serverName)
	if o.wantsTLS() {
		return tlsPort
	}
	return defaultPort
}

// wantsTLS tells whether sni says anything, be it good or not.
func (o *object) wantsTLS() bool {
	i := slices.IndexFunc(o.entries, func(e entry) bool { return e.name == "sni" })
	if i < 0 {
		return false
	}
	text, ok := o.entries[i].peek()
	return !ok || text != ""
}

// serverName returns the name that TLS asks for in its one form, or nothing for no TLS.
func (v item) serverName() (string, bool) {
	const want = `a host such as api.example.com, an IP address, or "$host" for the host of each request`
	s, ok := v.scalar(want)
	if !ok || s.text == "" || s.text == messages.HostServerName {
		return s.text, ok
	}
	hint := ""
	host, port, problem, _ := splitAddr(s.text, 0)
	ip, err := netip.ParseAddr(strings.Trim(s.text, "[]"))
	switch {
	case err == nil && ip.Zone() == "" && !ip.IsUnspecified():
		return ip.Unmap().String(), true
	case err != nil && problem == "" && port >= 0:
		problem, hint = fmt.Sprintf("want a host without a port, not %s", quote(s.text)), shorten(host)
	case err == nil || problem != "" || !isHostName(s.text):
		problem = fmt.Sprintf("want %s, not %s", want, quote(s.text))
	default:
		return strings.ToLower(strings.TrimSuffix(s.text, ".")), true
	}
	v.hinted(hint, problem)
	return "", false
}

// peerTLS reads TLS with peers.
func (o *object) peerTLS(t *messages.PeerTLS) {
	if !o.wantsTLS() {
		o.forbid("there is no TLS with the peers, for sni is not set", `sni: NAME, or sni: "$host" for the host of each request`,
			"verify_cert", "ca", "client_cert", "client_key", "tls_min_version")
		return
	}
	read(o, "verify_cert", &t.VerifyCert, truth)
	read(o, "ca", &t.CA, filePath)
	read(o, "client_cert", &t.ClientCert, filePath)
	read(o, "client_key", &t.ClientKey, filePath)
	read(o, "tls_min_version", &t.MinVersion, tlsVersion)
	switch {
	case o.has("client_cert") && !o.has("client_key"):
		o.child("client_cert").fault("client_cert needs its client_key")
	case o.has("client_key") && !o.has("client_cert"):
		o.child("client_key").fault("client_key needs its client_cert")
	}
	if !t.VerifyCert && t.CA != "" {
		o.child("ca").warn("ca has no effect with verify_cert: false: any certificate is accepted")
		t.CA = ""
	}
}

// tlsVersion returns the lowest version of TLS that is spoken.
func tlsVersion(v item) (string, bool) { return oneOf("1.2", "1.3")(v) }

// peerHTTP reads which HTTP is spoken, and what belongs to HTTP/2.
func (o *object) peerHTTP(t *messages.Transport) {
	sound := true
	read(o, "alpn", &t.ALPN, func(v item) (alpn messages.ALPN, ok bool) {
		alpn, sound = v.alpn()
		return alpn, sound
	})
	if t.ALPN == messages.H2H1 && !o.wantsTLS() {
		o.child("alpn").hinted("alpn: H2 speaks HTTP/2 without TLS (h2c); or set sni",
			"H2H1 is settled in the TLS handshake, and there is no TLS, for sni is not set")
	}
	if t.ALPN == messages.H1 && sound {
		o.forbid("this is for HTTP/2, which alpn does not ask for", "alpn: H2 or H2H1", "max_h2_streams", "h2_ping_interval")
		return
	}
	read(o, "max_h2_streams", &t.MaxH2Streams, count(1, maxPeerStreams))
	read(o, "h2_ping_interval", &t.H2PingInterval, duration(minH2Ping))
}

// alpn returns which HTTP is spoken; the case of letters does not count.
func (v item) alpn() (messages.ALPN, bool) {
	const want = "one of H1, H2, H2H1"
	s, ok := v.scalar(want)
	if !ok {
		return messages.H1, false
	}
	switch alpn := messages.ALPN(strings.ToUpper(s.text)); alpn {
	case messages.H1, messages.H2, messages.H2H1:
		return alpn, true
	}
	hint := "H1 is HTTP/1.1, H2 is HTTP/2, H2H1 is HTTP/2 where the peer offers it"
	if strings.EqualFold(s.text, "h2c") {
		hint = "alpn: H2 without sni is h2c"
	}
	v.hinted(hint, fmt.Sprintf("want %s, not %s", want, quote(s.text)))
	return messages.H1, false
}

// peerSocket reads options of the sockets to peers.
func (o *object) peerSocket(spec *messages.UpstreamSpec) {
	if addr := firstSocket(spec.Addrs); addr != "" {
		o.forbid(addr+" is a unix socket, which has no TCP and no address to bind to", "", append(tcpKeys(), "bind")...)
		return
	}
	o.tcp(&spec.Transport.TCP)
	read(o, "bind", &spec.Transport.Bind, item.bind)
	o.checkBind(spec)
}

// bind returns the address that connections come from.
func (v item) bind() (netip.Addr, bool) {
	const want = "an IP address of this machine such as 10.0.0.1"
	s, ok := v.scalar(want)
	if !ok {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(s.text)
	problem, hint := "", ""
	switch at, withPort := netip.ParseAddrPort(s.text); {
	case err != nil && withPort == nil:
		problem, hint = fmt.Sprintf("want an address without a port, not %s", quote(s.text)), quote(at.Addr().String())
	case err != nil:
		problem = fmt.Sprintf("want %s, not %s", want, quote(s.text))
	case ip.IsUnspecified():
		problem, hint = fmt.Sprintf("%s is any address", ip), "leave bind out: the system chooses"
	case ip.IsMulticast() || ip.Unmap() == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		problem = fmt.Sprintf("want %s; %s is a multicast or broadcast address", want, ip)
	}
	if problem != "" {
		v.hinted(hint, problem)
		return netip.Addr{}, false
	}
	return ip.Unmap(), true
}

// checkBind refuses an address from which a peer cannot be reached, as far as
// that is known before names are looked up.
func (o *object) checkBind(spec *messages.UpstreamSpec) {
	bind := spec.Transport.Bind
	if !bind.IsValid() {
		return
	}
	if bind.Is6() && spec.Discovery.IPv4Only {
		o.child("bind").fault(bind.String() + " is an IPv6 address, and ipv4_only leaves only IPv4 addresses")
		return
	}
	if spec.Discovery.Kind != messages.DiscoverStatic {
		return
	}
	for _, p := range spec.Addrs.All() {
		peer, err := netip.ParseAddrPort(p.Addr)
		if err == nil && peer.Addr().Is6() != bind.Is6() {
			o.child("bind").fault(fmt.Sprintf("%s cannot be reached from %s: one is IPv4, the other IPv6", p.Addr, bind))
			return
		}
	}
}
