package nethttp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"slices"
)

// HTTP/2 has no place over some of the cipher suites of TLS 1.2 (RFC 9113, 9.2.2).
// Which one it will be crypto/tls says only when the protocol is chosen too, so it is
// found out ahead: a client that would end with such a suite is offered HTTP/1.1 alone.

// offersHTTP2 tells whether both sides speak HTTP/2.
func offersHTTP2(cfg *tls.Config, hello *tls.ClientHelloInfo) bool {
	return slices.Contains(hello.SupportedProtos, protoHTTP2) && slices.Contains(cfg.NextProtos, protoHTTP2)
}

// withoutHTTP2 returns cfg without it. There is always something else to choose, or a
// client that offers HTTP/2 alone would get no protocol, and speak it all the same.
func withoutHTTP2(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.GetConfigForClient = nil
	cfg.NextProtos = slices.DeleteFunc(slices.Clone(cfg.NextProtos), func(p string) bool { return p == protoHTTP2 })
	if len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{protoHTTP1}
	}
	return cfg
}

// isWeak tells whether cfg and a client come together over TLS that does not allow
// HTTP/2. Crypto/tls takes suites that do before all others, if it can use them.
func isWeak(cfg *tls.Config, hello *tls.ClientHelloInfo) bool {
	if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) && (cfg.MaxVersion == 0 || cfg.MaxVersion >= tls.VersionTLS13) {
		return false
	}
	for _, suite := range hello.CipherSuites {
		if !allowsHTTP2(tls.VersionTLS12, suite) || cfg.CipherSuites != nil && !slices.Contains(cfg.CipherSuites, suite) {
			continue
		}
		if isForECDSA(suite) == showsECDSA(cfg, hello) {
			return false
		}
	}
	return true
}

// showsECDSA tells of what kind the key of the certificate is that the client gets. A
// suite is for one kind (RFC 5246, 7.4.2).
func showsECDSA(cfg *tls.Config, hello *tls.ClientHelloInfo) bool {
	cert := certificateFor(cfg, hello)
	if cert == nil {
		return false
	}
	signer, _ := cert.PrivateKey.(interface{ Public() crypto.PublicKey })
	if signer == nil {
		return false
	}
	switch signer.Public().(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// certificateFor returns the certificate that crypto/tls will take; nil = none.
func certificateFor(cfg *tls.Config, hello *tls.ClientHelloInfo) *tls.Certificate {
	if cfg.GetCertificate != nil && (len(cfg.Certificates) == 0 || hello.ServerName != "") {
		if cert, err := cfg.GetCertificate(hello); cert != nil || err != nil {
			return cert
		}
	}
	for i := range cfg.Certificates {
		if hello.SupportsCertificate(&cfg.Certificates[i]) == nil {
			return &cfg.Certificates[i]
		}
	}
	if len(cfg.Certificates) > 0 {
		return &cfg.Certificates[0]
	}
	return nil
}

// allowsHTTP2 tells whether HTTP/2 may be spoken over such TLS (RFC 9113, 9.2).
func allowsHTTP2(version, suite uint16) bool {
	if version != tls.VersionTLS12 {
		return version > tls.VersionTLS12
	}
	switch suite {
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
		return true
	}
	return isForECDSA(suite)
}

// isForECDSA tells whether a suite that allows HTTP/2 is for keys of ECDSA and Ed25519.
func isForECDSA(suite uint16) bool {
	switch suite {
	case tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
		return true
	}
	return false
}
