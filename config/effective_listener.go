package config

import "net/netip"

func (l Listener) printTo(p *printer) {
	unix := isSocket(l.Addr)
	p.text("addr", l.Addr)
	l.TLS.printTo(p)
	p.flag("h2c", l.H2C)
	if unix && !l.ProxyProtocol.On {
		p.absent("trusted_proxies", "clients of a unix socket have no address")
	} else {
		p.texts("trusted_proxies", prefixTexts(l.TrustedProxies))
	}
	p.flag("forwarded", l.Forwarded)
	if l.ProxyProtocol.On && len(l.ProxyProtocol.Trusted) > 0 {
		p.open("proxy_protocol").texts("trusted", prefixTexts(l.ProxyProtocol.Trusted))
	} else {
		p.flag("proxy_protocol", l.ProxyProtocol.On)
	}
	switch {
	case unix:
		p.absent("reuse_port", "not with unix sockets")
	case isPassed(l.Addr):
		p.absent("reuse_port", "as systemd opened the socket")
	default:
		p.flag("reuse_port", l.ReusePort)
	}
	if unix {
		for _, key := range tcpKeys() {
			p.absent(key, "not with unix sockets")
		}
	} else {
		printTCP(p, l.TCP)
	}
	limits := p.open("limits")
	limits.count("max_connections", l.Limits.MaxConnections)
	limits.plain("max_head", sizeText(int64(l.Limits.MaxHead)))
	limits.count("max_fields", l.Limits.MaxFields)
	limits.duration("head_timeout", l.Limits.HeadTimeout)
	limits.duration("idle_timeout", l.Limits.IdleTimeout)
	limits.duration("body_timeout", l.Limits.BodyTimeout)
	limits.plain("min_body_rate", sizeText(int64(l.Limits.MinBodyRate)))
	limits.duration("write_timeout", l.Limits.WriteTimeout)
	if l.speaksH2() {
		limits.count("max_h2_streams", l.Limits.MaxH2Streams)
	} else {
		limits.absent("max_h2_streams", "without HTTP/2")
	}
}

func (t ListenerTLS) printTo(p *printer) {
	if !t.On() {
		p.absent("tls", "off")
		return
	}
	tls := p.open("tls")
	certs := tls.open("certs")
	for i, files := range t.Certs {
		element := certs.element(i)
		element.text("cert", files.Cert)
		element.text("key", files.Key)
	}
	tls.text("min_version", t.MinVersion)
	tls.flag("h2", t.H2)
	tls.optional("client_ca", t.ClientCA, "none")
	tls.plain("client_auth", t.ClientAuth)
	tls.flag("strict_sni", t.StrictSNI)
}

func prefixTexts(prefixes []netip.Prefix) []string {
	texts := make([]string, 0, len(prefixes))
	for _, prefix := range prefixes {
		texts = append(texts, prefix.String())
	}
	return texts
}
