package proxy

import "github.com/weirproxy/weir/messages"

// serverName returns the name that TLS with a peer asks for: as configured, or
// that of the host that the request goes out with.
func (s *exchangeState) serverName(x *Exchange) string {
	name := x.Upstream.transport.TLS.ServerName
	if name != messages.HostServerName {
		return name
	}
	host, _, _ := splitAuthority(x.Request.Authority) // was read before, or is from the configuration
	return s.lower(host)
}
