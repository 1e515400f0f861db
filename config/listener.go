package config

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/weirproxy/weir/messages"
)

// Listener is an address that accepts clients.
type Listener struct {
	// Addr is HOST:PORT or :PORT (all addresses; port 0 takes a free one),
	// unix:/path, or fd:NAME, a socket that systemd opened and calls NAME.
	Addr string
	// TLS is used when it has a certificate.
	TLS ListenerTLS
	// H2C also accepts HTTP/2 without TLS; default false, and never with TLS.
	H2C bool
	// TrustedProxies are those whose forwarded headers and request ids count;
	// default none.
	TrustedProxies []netip.Prefix
	// Forwarded also sends peers the Forwarded header of RFC 7239; default false.
	Forwarded bool
	// ProxyProtocol is what clients send ahead of everything else; default nothing.
	ProxyProtocol ListenerProxyProtocol
	// ReusePort lets several processes listen at the address (SO_REUSEPORT);
	// default false, and never for unix:/path and fd:NAME.
	ReusePort bool
	// Limits bound what clients may ask for.
	Limits ListenerLimits
	// TCP are options of the sockets; the zero value for unix:/path.
	TCP messages.TCPOptions
}

// ListenerProxyProtocol says whether connections begin with the PROXY header of
// HAProxy, version 1 or 2, which tells where a client really comes from.
type ListenerProxyProtocol struct {
	// On expects the header.
	On bool
	// Trusted are those who may send it. It is empty when On is false, and for
	// unix:/path, where whoever may open the socket may send it.
	Trusted []netip.Prefix
}

// ListenerLimits bound what clients may ask for. Of a duration, 0 means none.
type ListenerLimits struct {
	// MaxConnections is how many may be open at a time; default 0 = no limit.
	MaxConnections int
	// MaxHead is the largest request line with its fields, in bytes, 1 KiB to 1 MiB; default 64 KiB.
	MaxHead int
	// MaxFields is how many fields a request may have, 1 to 10000; default 100.
	MaxFields int
	// HeadTimeout bounds the time for a request's head; default 10s.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection is kept between requests; default 75s.
	IdleTimeout time.Duration
	// BodyTimeout bounds each read of a request's body; default 60s.
	BodyTimeout time.Duration
	// MinBodyRate is how many bytes a second a client must send of a request's body
	// until the response begins, up to 1 GiB; default 240, 0 = any. Calls of gRPC are free of it.
	MinBodyRate int
	// WriteTimeout bounds each write to a client; default 60s.
	WriteTimeout time.Duration
	// MaxH2Streams is how many requests share one HTTP/2 connection at a time, 1 to 10000; default 128.
	MaxH2Streams int
}

const (
	passedPrefix     = "fd:" // begins the name of a socket that systemd opened
	minHead          = 1 << 10
	maxHead          = 1 << 20
	maxFields        = 10_000
	maxBodyRate      = 1 << 30
	maxClientStreams = 10_000
)

func isPassed(addr string) bool { return strings.HasPrefix(addr, passedPrefix) }

// speaksH2 tells whether clients can come with HTTP/2.
func (l Listener) speaksH2() bool { return l.H2C || l.TLS.H2 }

func (v item) listeners(addrs *takenAddrs) []Listener {
	items, ok := v.list(`a list such as [{addr: ":8080"}]`)
	if !ok {
		return nil
	}
	if len(items) == 0 {
		v.hinted(`listeners: [{addr: ":8080"}]`, "want at least one listener")
	}
	listeners := make([]Listener, 0, len(items))
	for _, v := range items {
		if o, ok := v.object(`a mapping such as {addr: ":8080"}`); ok {
			listeners = append(listeners, o.listener(addrs))
		}
	}
	return listeners
}

func (o *object) listener(addrs *takenAddrs) Listener {
	l := defaultListener()
	o.need("addr", "addr is missing")
	read(o, "addr", &l.Addr, addrs.once(o.path+".addr", item.listenerAddr))
	o.listenerTLS(&l.TLS)
	read(o, "h2c", &l.H2C, truth)
	if l.H2C && o.has("tls") {
		o.child("h2c").hinted("tls: {h2: true}, which is the default, is HTTP/2 over TLS", "h2c is HTTP/2 without TLS, and this listener has tls")
		l.H2C = false
	}
	read(o, "trusted_proxies", &l.TrustedProxies, item.prefixes)
	read(o, "forwarded", &l.Forwarded, truth)
	o.listenerProxyProtocol(&l)
	o.listenerSocket(&l)
	section(o, "limits", func(o *object) { o.listenerLimits(&l) })
	o.close()
	return l
}

// listenerSocket reads options of the socket.
func (o *object) listenerSocket(l *Listener) {
	switch {
	case isSocket(l.Addr):
		o.forbid("a unix socket has no TCP and no port", "", append(tcpKeys(), "reuse_port")...)
		if o.has("trusted_proxies") && !l.ProxyProtocol.On {
			o.child("trusted_proxies").hinted("with proxy_protocol: true they have one", "clients of a unix socket have no address, so this trusts nobody")
		}
		return
	case isPassed(l.Addr):
		o.forbid("systemd opened the socket, and it is too late for this", "ReusePort=true in the .socket unit", "reuse_port")
	default:
		read(o, "reuse_port", &l.ReusePort, truth)
	}
	o.tcp(&l.TCP)
}

// listenerProxyProtocol reads true, false, or a mapping of trusted.
func (o *object) listenerProxyProtocol(l *Listener) {
	v, ok := o.get("proxy_protocol")
	if !ok {
		return
	}
	p := &l.ProxyProtocol
	if v.isMapping() {
		inner, ok := v.object("")
		if !ok {
			return
		}
		p.On = true
		if isSocket(l.Addr) {
			inner.forbid("clients of a unix socket have no address: whoever may open it may send the header", "proxy_protocol: true", "trusted")
		} else {
			read(inner, "trusted", &p.Trusted, item.someoneTrusted)
		}
		inner.close()
		if inner.has("trusted") {
			return
		}
	} else if p.On, ok = truth(v); !ok || !p.On {
		return
	}
	if isSocket(l.Addr) {
		return
	}
	proxies := o.child("trusted_proxies")
	if len(l.TrustedProxies) == 0 && (!o.has("trusted_proxies") || proxies.isEmptyList()) {
		v.hinted(`proxy_protocol: {trusted: ["10.0.0.0/8"]}, or trusted_proxies; {trusted: ["0.0.0.0/0", "::/0"]} insists on everybody`,
			"it is not said who may send the header: whoever sends it chooses the address that a client seems to have")
		return
	}
	p.Trusted = l.TrustedProxies
	proxies.noteAs(v.path + ".trusted")
}

// someoneTrusted returns networks, at least one.
func (v item) someoneTrusted() ([]netip.Prefix, bool) {
	trusted, ok := v.prefixes()
	if ok && v.isEmptyList() {
		v.hinted(`trusted: ["10.0.0.0/8"]`, "want at least one network; nobody could send the header")
		return nil, false
	}
	return trusted, ok
}

func (o *object) listenerLimits(l *Listener) {
	limits := &l.Limits
	read(o, "max_connections", &limits.MaxConnections, count(0, maxInFlight))
	bytes := func(low, high int64) func(item) (int, bool) {
		return func(v item) (int, bool) {
			n, ok := sizeFrom(low, high)(v)
			return int(n), ok
		}
	}
	read(o, "max_head", &limits.MaxHead, bytes(minHead, maxHead))
	read(o, "max_fields", &limits.MaxFields, count(1, maxFields))
	for _, timeout := range []struct {
		key  string
		into *time.Duration
	}{
		{"head_timeout", &limits.HeadTimeout},
		{"idle_timeout", &limits.IdleTimeout},
		{"body_timeout", &limits.BodyTimeout},
		{"write_timeout", &limits.WriteTimeout},
	} {
		read(o, timeout.key, timeout.into, duration(time.Millisecond))
	}
	read(o, "min_body_rate", &limits.MinBodyRate, bytes(0, maxBodyRate))
	if l.speaksH2() {
		read(o, "max_h2_streams", &limits.MaxH2Streams, count(1, maxClientStreams))
	} else {
		o.forbid("this is for HTTP/2, which the listener does not speak", "h2c: true, or tls with h2", "max_h2_streams")
	}
}

// listenerAddr returns HOST:PORT, unix:/path or fd:NAME.
func (v item) listenerAddr() (string, bool) {
	s, ok := v.scalar("an address to listen at such as :8080 or 127.0.0.1:8080")
	if !ok {
		return "", false
	}
	addr, problem, hint := s.text, "", ""
	switch {
	case isSocket(s.text):
		addr, problem, hint = parseSocket(s.text)
	case isPassed(s.text):
		problem, hint = passedProblem(strings.TrimPrefix(s.text, passedPrefix))
	default:
		return v.listenAddr()
	}
	if problem != "" {
		v.hinted(hint, problem)
		return "", false
	}
	return addr, true
}

// passedProblem says why a name is not one that systemd gives a socket:
// FileDescriptorName= of systemd.socket(5).
func passedProblem(name string) (problem, hint string) {
	const longest = 255
	ascii := !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' })
	switch {
	case name != "" && strings.Trim(name, "0123456789") == "":
		return fmt.Sprintf("want the name of the socket, not its number %s", shorten(name)), "fd:weir.socket: the name of the .socket unit, or its FileDescriptorName="
	case name == "" || !ascii || len(name) > longest:
		return fmt.Sprintf("want fd: and the name that systemd has for the socket, 1 to %d letters without blanks and colons, not %s", longest, quote(name)), "fd:weir.socket"
	}
	return "", ""
}
