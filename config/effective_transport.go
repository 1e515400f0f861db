package config

import "github.com/weirproxy/weir/messages"

// printTransport prints what transport reads.
func printTransport(p *printer, s messages.UpstreamSpec) {
	t := s.Transport
	p.duration("connection_timeout", t.ConnectionTimeout)
	p.duration("total_connection_timeout", t.TotalConnectionTimeout)
	p.duration("response_timeout", t.ResponseTimeout)
	p.duration("read_timeout", t.ReadTimeout)
	p.duration("write_timeout", t.WriteTimeout)
	p.duration("idle_timeout", t.IdleTimeout)
	p.duration("tunnel_timeout", t.TunnelTimeout)
	p.count("max_idle", t.MaxIdle)
	printPeerTLS(p, t.TLS)
	p.plain("alpn", string(t.ALPN))
	if t.ALPN == messages.H1 {
		p.absent("max_h2_streams", "without HTTP/2")
		p.absent("h2_ping_interval", "without HTTP/2")
	} else {
		p.count("max_h2_streams", t.MaxH2Streams)
		p.duration("h2_ping_interval", t.H2PingInterval)
	}
	if firstSocket(s.Addrs) == "" {
		printTCP(p, t.TCP)
		bind := ""
		if t.Bind.IsValid() {
			bind = t.Bind.String()
		}
		p.optional("bind", bind, "the system's choice")
	} else {
		for _, key := range append(tcpKeys(), "bind") {
			p.absent(key, "not with unix sockets")
		}
	}
	p.optional("proxy_protocol", string(t.ProxyProtocol), "none")
}

func printPeerTLS(p *printer, t messages.PeerTLS) {
	p.text("sni", t.ServerName)
	if t.ServerName == "" {
		for _, key := range []string{"verify_cert", "ca", "client_cert", "client_key", "tls_min_version"} {
			p.absent(key, "without TLS")
		}
		return
	}
	p.flag("verify_cert", t.VerifyCert)
	p.optional("ca", t.CA, "the system's")
	p.optional("client_cert", t.ClientCert, "none")
	p.optional("client_key", t.ClientKey, "none")
	p.text("tls_min_version", t.MinVersion)
}
