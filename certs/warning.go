package certs

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// WarningKind is what a Warning is about.
type WarningKind string

// The kinds of warnings.
const (
	WarnExpired     WarningKind = "expired"          // it has ended, or one of its chain has
	WarnExpiring    WarningKind = "expiring"         // it, or one of its chain, ends soon: as Expiring tells
	WarnNotYetValid WarningKind = "not_yet_valid"    // it begins later; is the clock right?
	WarnOpenKey     WarningKind = "open_key"         // every user of the system may read the key
	WarnSharedName  WarningKind = "shared_name"      // another pair has the name and the kind of key, too
	WarnChain       WarningKind = "incomplete_chain" // it does not lead to an authority
	WarnSelfSigned  WarningKind = "self_signed"      // no client trusts it by itself
	WarnWeakKey     WarningKind = "weak_key"         // RSA below 2048 bits
	WarnSHA1        WarningKind = "sha1"             // signed over SHA-1
	WarnNoName      WarningKind = "no_name"          // no subject alternative name
)

// Warning is something that works, or may work for some, and should not stay so.
type Warning struct {
	// File is the file at fault, as configured.
	File string
	Kind WarningKind
	// Text says what is wrong and what to do, for people.
	Text string
}

// String returns the file and the text.
func (w Warning) String() string { return w.File + ": " + w.Text }

// Warnings returns what is to be said of everything that is held, at now. It asks
// the system who may read the keys.
func (s *Set) Warnings(now time.Time) []Warning {
	var all []Warning
	for _, h := range s.list() {
		all = append(all, warnings(h.id, h.now.Load(), now)...)
	}
	return all
}

// warnings are those of one pair, or of the authorities of one file.
func warnings(id Pair, m *material, now time.Time) []Warning {
	var all []Warning
	warn := func(kind WarningKind, format string, args ...any) {
		all = append(all, Warning{id.Cert, kind, fmt.Sprintf(format, args...)})
	}
	validity(m.subject(), now, warn)
	if m.pair == nil {
		return all
	}
	for i, c := range m.chain[1:] {
		_, soon := threshold(c.NotBefore, c.NotAfter, now)
		switch {
		case now.After(c.NotAfter):
			warn(WarnExpired, "number %d of the chain (%s) ended at %s; get the chain from the authority anew", i+2, c.Subject, stamp(c.NotAfter))
		case soon && !selfSigned(c):
			warn(WarnExpiring, "number %d of the chain (%s) ends at %s, in %d days; get the chain from the authority anew", i+2, c.Subject, stamp(c.NotAfter), inDays(c.NotAfter.Sub(now)))
		}
	}
	chain(m.chain, warn)
	for i, c := range m.chain {
		if weak, ok := c.PublicKey.(*rsa.PublicKey); ok && weak.N.BitLen() < goodRSA {
			warn(WarnWeakKey, "number %d has an RSA key of %d bits, which clients refuse; use %d, or ECDSA", i+1, weak.N.BitLen(), goodRSA)
		}
		if sha1Signed(c) && !selfSigned(c) {
			warn(WarnSHA1, "number %d is signed over SHA-1, which clients refuse; get one signed over SHA-256", i+1)
		}
	}
	leaf := m.chain[0]
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		warn(WarnNoName, "it has no subject alternative name, so no client takes it for any host (a common name does not count)")
	}
	if openToAll(id.Key) {
		all = append(all, Warning{id.Key, WarnOpenKey, "every user of the system may read the key; chmod o-rwx it"})
	}
	return all
}

// validity warns about the time of a certificate.
func validity(c *x509.Certificate, now time.Time, warn func(WarningKind, string, ...any)) {
	left := c.NotAfter.Sub(now)
	_, soon := threshold(c.NotBefore, c.NotAfter, now)
	switch {
	case now.Before(c.NotBefore):
		warn(WarnNotYetValid, "it is valid from %s on, and it is %s; is the clock right?", stamp(c.NotBefore), stamp(now))
	case left < 0:
		warn(WarnExpired, "it ended at %s; renew it", stamp(c.NotAfter))
	case soon:
		warn(WarnExpiring, "it ends at %s, in %d days; renew it", stamp(c.NotAfter), inDays(left))
	}
}

// chain warns when a certificate and those after it do not lead to an authority.
func chain(all []*x509.Certificate, warn func(WarningKind, string, ...any)) {
	for i, c := range all[1:] {
		if below := all[i]; !signedBy(below, c) {
			warn(WarnChain, "number %d of the chain is signed by %q, and number %d is %q; put the intermediate certificates after it in order", i+1, below.Issuer, i+2, c.Subject)
			return
		}
	}
	leaf := all[0]
	switch {
	case selfSigned(leaf):
		warn(WarnSelfSigned, "it is signed by itself; clients trust it only if they were given it")
	case len(all) == 1 && len(leaf.IssuingCertificateURL) > 0: // as public authorities do, whose roots sign no leaf
		warn(WarnChain, "it comes without the intermediate certificate of %q, which clients may not have; use the file with the full chain", leaf.Issuer)
	}
}

// signedBy tells whether parent follows c in a chain.
func signedBy(c, parent *x509.Certificate) bool {
	if string(c.RawIssuer) != string(parent.RawSubject) {
		return false
	}
	return sha1Signed(c) || c.CheckSignatureFrom(parent) == nil // Go verifies nothing over SHA-1
}

func selfSigned(c *x509.Certificate) bool {
	return string(c.RawIssuer) == string(c.RawSubject) &&
		(sha1Signed(c) || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil)
}

func sha1Signed(c *x509.Certificate) bool {
	return c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1
}

// stamp is a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
