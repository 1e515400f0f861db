package config

// ListenerTLS is TLS of a listener. The zero value is none.
type ListenerTLS struct {
	// Certs are what is shown, by the name that a client asks for; the first is
	// for names that none has. None = no TLS.
	Certs []CertFiles
	// MinVersion is "1.2" (the default) or "1.3".
	MinVersion string
	// H2 also speaks HTTP/2; default true.
	H2 bool
	// ClientCA is a file of the authorities that certificates of clients must
	// come from; empty when ClientAuth is off, and only then.
	ClientCA string
	// ClientAuth is off, request (a certificate that is shown must be good) or
	// require; default require with ClientCA, else off.
	ClientAuth string
	// StrictSNI refuses clients that ask for a name that no certificate has, or
	// for none; default false.
	StrictSNI bool
}

// On tells whether there is TLS.
func (t ListenerTLS) On() bool { return len(t.Certs) > 0 }

// CertFiles are PEM files of a certificate, with those that it was signed by,
// and of its key.
type CertFiles struct{ Cert, Key string }

const (
	authOff     = "off"
	authRequest = "request"
	authRequire = "require"
)

// listenerTLS reads tls of a listener.
func (o *object) listenerTLS(t *ListenerTLS) {
	section(o, "tls", func(o *object) {
		*t = defaultListenerTLS()
		o.need("certs", "certs is missing")
		read(o, "certs", &t.Certs, item.certs)
		read(o, "min_version", &t.MinVersion, tlsVersion)
		read(o, "h2", &t.H2, truth)
		read(o, "client_ca", &t.ClientCA, filePath)
		if t.ClientCA != "" {
			t.ClientAuth = authRequire
			o.child("client_ca").noteAs(o.path + ".client_auth")
		}
		read(o, "client_auth", &t.ClientAuth, oneOf(authOff, authRequest, authRequire))
		switch {
		case o.has("client_ca") && t.ClientAuth == authOff && o.has("client_auth"):
			o.child("client_ca").hinted("leave one of them out", "client_ca has no effect with client_auth: off")
		case !o.has("client_ca") && t.ClientAuth != authOff:
			o.child("client_auth").hinted("client_ca: FILE", "client_auth: "+t.ClientAuth+" needs client_ca, whose authorities are the ones that count")
		}
		read(o, "strict_sni", &t.StrictSNI, truth)
	})
}

// certs returns pairs of files, at least one.
func (v item) certs() ([]CertFiles, bool) {
	const example = "[{cert: a.pem, key: a.key}]"
	items, ok := v.list("a list such as " + example)
	if !ok {
		return nil, false
	}
	before := len(v.r.faults)
	if len(items) == 0 {
		v.hinted("certs: "+example, "want at least one certificate")
	}
	certs := make([]CertFiles, 0, len(items))
	for _, v := range items {
		o, ok := v.object("a mapping such as {cert: a.pem, key: a.key}")
		if !ok {
			continue
		}
		var files CertFiles
		o.need("cert", "cert is missing")
		o.need("key", "key is missing")
		read(o, "cert", &files.Cert, filePath)
		read(o, "key", &files.Key, filePath)
		o.close()
		certs = append(certs, files)
	}
	return certs, before == len(v.r.faults)
}
