package nethttp

import (
	"net/netip"
	"strings"

	"github.com/weirproxy/weir/messages"
	"github.com/weirproxy/weir/proxy"
)

// poolKey says which requests may share connections.
type poolKey struct {
	addr   string        // as in proxy.Destination
	server string        // of TLS; empty = none
	alpn   messages.ALPN // what the connection may speak; H2H1 only with TLS
	// from and to are the client's connection, which the PROXY protocol tells; zero without it.
	from, to netip.AddrPort
}

// keyOf returns the key for the attempt of x.
func keyOf(t *messages.Transport, x *proxy.Exchange) poolKey {
	k := poolKey{addr: x.To.Addr, server: x.To.ServerName, alpn: t.ALPN}
	if k.server == "" {
		k.server = t.TLS.ServerName // messages.HostServerName stays so: the request has no host
	}
	// An HTTP/2 connection cannot be upgraded, and without TLS nothing is negotiated.
	if k.alpn == "" || k.alpn == messages.H2H1 && (k.server == "" || x.Request.Upgrade != "") {
		k.alpn = messages.H1
	}
	if t.ProxyProtocol != "" {
		k.from, k.to = x.Remote, x.Local
	}
	return k
}

// clone returns a key that shares no memory with an exchange.
func (k poolKey) clone() poolKey {
	k.addr, k.server = strings.Clone(k.addr), strings.Clone(k.server)
	return k
}
