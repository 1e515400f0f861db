package certs

import (
	"cmp"
	"crypto/x509"
	"slices"
	"time"
)

// Certificate is what is known of a certificate that is held, for metrics and API.
type Certificate struct {
	// File and Key are the files, as configured; no Key: File has authorities, and
	// the rest is about the one of them that ends last.
	File, Key string
	// Names are what it is for: names and addresses, else its subject.
	Names []string
	// Issuer is the subject of who signed it.
	Issuer string
	// Serial is its serial number, hexadecimal.
	Serial string
	// KeyType is the kind of its key: "RSA 2048", "ECDSA P-256", "Ed25519".
	KeyType             string
	NotBefore, NotAfter time.Time
	// EndsWith is the subject of the certificate in the chain that NotBefore and
	// NotAfter are of; empty = it is the certificate itself.
	EndsWith string
	// UsedBy are those who use it, sorted.
	UsedBy []string
	// Loaded is since when it is in force.
	Loaded time.Time
	// Problem says why what the files have now is not in force, and ProblemSince
	// since when; nil and zero when it is.
	Problem      error
	ProblemSince time.Time
}

// Certificates returns what is held, sorted by its files. It reads no file.
func (s *Set) Certificates() []Certificate {
	all := s.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	certificates := make([]Certificate, 0, len(all))
	for _, h := range all {
		m := h.now.Load()
		c := m.subject()
		end, endsWith := m.ends(), ""
		if end != c {
			endsWith = end.Subject.String()
		}
		certificates = append(certificates, Certificate{
			File: h.id.Cert, Key: h.id.Key, Names: names(c), Issuer: c.Issuer.String(), Serial: serial(c), KeyType: keyName(c.PublicKey),
			NotBefore: end.NotBefore, NotAfter: end.NotAfter, EndsWith: endsWith, UsedBy: h.usedBy(), Loaded: m.loaded, Problem: h.watch.problem, ProblemSince: h.watch.since,
		})
	}
	return certificates
}

// serial is a serial number as openssl prints it.
func serial(c *x509.Certificate) string {
	if c.SerialNumber.Sign() == 0 {
		return "00"
	}
	text := c.SerialNumber.Text(16)
	if len(text)%2 == 1 {
		text = "0" + text
	}
	return text
}

func (p Pair) compare(other Pair) int {
	return cmp.Or(cmp.Compare(p.Cert, other.Cert), cmp.Compare(p.Key, other.Key))
}

// sorted returns the strings, sorted, each once.
func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
