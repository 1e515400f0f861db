package config

// printSettings prints everything but listeners, routes and upstreams.
func (c *Config) printSettings(p *printer) {
	p.flag("watch", c.Watch)
	c.NATS.printTo(p.open(natsSection))
	dns := p.open("dns")
	dns.texts("servers", c.DNS.Servers)
	dns.duration("max_stale", c.DNS.MaxStale)
	dns.duration("timeout", c.DNS.Timeout)
	dns.count("attempts", c.DNS.Attempts)
	docker := p.open("docker")
	docker.text("host", c.Docker.Host)
	c.Docker.TLS.printTo(docker)
	docker.plain("peer_addr", c.Docker.PeerAddr)
	docker.flag("auto", c.Docker.Auto)
	p.open("cluster").text("member", c.Member)
	p.open("admin").text("addr", c.Admin.Addr)
	token, auth := c.Auth.OperatorToken, p
	if token.Reveal() != "" {
		auth = p.without()
	}
	auth.open(secretSection).secret(secretKey, token)
	p.text("data_dir", c.DataDir)
	log := p.open("log")
	log.plain("level", c.Log.Level)
	log.plain("format", c.Log.Format)
	log.flag("access", c.Log.Access)
	shutdown := p.open("shutdown")
	shutdown.duration("delay", c.Shutdown.Delay)
	shutdown.duration("timeout", c.Shutdown.Timeout)
}

func (n NATS) printTo(p *printer) {
	if len(n.URLs) == 0 {
		p.text("addr", n.Addr)
	} else {
		n.printClient(p)
	}
	p.text("prefix", n.Prefix)
	events := p.open("events")
	events.duration("max_age", n.Events.MaxAge)
	events.plain("max_bytes", sizeText(n.Events.MaxBytes))
	events.count("per_subject", n.Events.PerSubject)
}

// printClient prints how to connect to other servers. What goes with a secret is
// left out with it: the rest alone would be another way to connect, or none.
func (n NATS) printClient(p *printer) {
	secret := n.Password.Reveal() != ""
	urls, shown := make([]string, 0, len(n.URLs)), make([]string, 0, len(n.URLs))
	for _, u := range n.URLs {
		urls, shown = append(urls, u.Reveal()), append(shown, u.String())
		secret = secret || u.HasSecret()
	}
	if secret {
		p = p.without()
	}
	p.masked("url", quotedList(urls), quotedList(shown))
	p.optional("creds", n.Creds, "none")
	p.optional("nkey", n.NKey, "none")
	p.optional("user", n.User, "none")
	if n.Password.Reveal() == "" {
		p.absent(secretPassword, "none")
	} else {
		p.secret(secretPassword, n.Password)
	}
	n.TLS.printTo(p)
}

func (f TLSFiles) printTo(p *printer) {
	if f == (TLSFiles{}) {
		p.absent("tls", "off")
		return
	}
	tls := p.open("tls")
	tls.optional("ca", f.CA, "the system's")
	tls.optional("cert", f.Cert, "none")
	tls.optional("key", f.Key, "none")
}

// secret writes a placeholder, or nothing in quotes.
func (p *printer) secret(key string, s Secret) {
	shown := s.String()
	if shown == "" {
		shown = `""`
	}
	p.masked(key, s.Reveal(), shown)
}
