package certs

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"time"
)

// Pair names the files of a certificate and its key, both PEM. They may be one file.
type Pair struct {
	// Cert has the certificate, and then those that lead from it to an authority.
	Cert string
	// Key has its private key: RSA, ECDSA or Ed25519, not encrypted.
	Key string
}

// complete returns an error unless both files are named.
func (p Pair) complete() error {
	if p.Cert == "" || p.Key == "" {
		return fmt.Errorf("%w: certificate %q, key %q: both files are to be named", ErrOptions, p.Cert, p.Key)
	}
	return nil
}

// material is what was read from files: a certificate with its key, or
// authorities. It does not change.
type material struct {
	sum    string // of the content
	loaded time.Time
	// chain is a certificate and those that follow it in the file, or the authorities.
	chain []*x509.Certificate
	// pair is the certificate with its key; nil for authorities.
	pair *tls.Certificate
	// pool has the authorities; nil for a pair.
	pool *x509.CertPool
}

// parse reads the content of files: those of a pair when a key is named, else
// one of authorities.
func parse(id Pair, texts [][]byte) (*material, error) {
	chain, err := parseCertificates(id.Cert, texts[0])
	if err != nil {
		return nil, err
	}
	m := &material{chain: chain}
	if id.Key == "" {
		m.pool = x509.NewCertPool()
		for _, authority := range chain {
			m.pool.AddCert(authority)
		}
		return m, nil
	}
	key, err := parseKey(id.Key, texts[1])
	if err != nil {
		return nil, err
	}
	if !belongs(key, chain[0]) {
		for i, other := range chain[1:] {
			if belongs(key, other) {
				return nil, fmt.Errorf("%s: %w: the certificate of %s is number %d in it; put it first, then those that lead to the authority", id.Cert, ErrMismatch, id.Key, i+2)
			}
		}
		return nil, fmt.Errorf("%s and %s: %w: the key is of another certificate than the first in the file", id.Cert, id.Key, ErrMismatch)
	}
	m.pair = &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		m.pair.Certificate = append(m.pair.Certificate, c.Raw)
	}
	return m, nil
}

// belongs tells whether a key is that of a certificate.
func belongs(key crypto.Signer, c *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// sumOf tells contents from each other.
func sumOf(texts [][]byte) string {
	hash := sha256.New()
	for _, text := range texts {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		hash.Write(text)
	}
	return string(hash.Sum(nil))
}

// subject is the certificate that decides when the material ends: that of the
// pair, or the authority that ends last, since a file that has the next
// authority beside the one that ends is as it should be.
func (m *material) subject() *x509.Certificate {
	last := m.chain[0]
	if m.pair != nil {
		return last
	}
	for _, c := range m.chain[1:] {
		if c.NotAfter.After(last.NotAfter) {
			last = c
		}
	}
	return last
}

// ends is the certificate with which the material ends: of a pair the one of its
// chain that ends first, for clients take none with one that has ended, but for an
// authority's own, which they have themselves.
func (m *material) ends() *x509.Certificate {
	first := m.subject()
	if m.pair == nil {
		return first
	}
	for _, c := range m.chain[1:] {
		if c.NotAfter.Before(first.NotAfter) && !selfSigned(c) {
			first = c
		}
	}
	return first
}

// isValid tells whether the certificate itself is in its time.
func (m *material) isValid(now time.Time) bool {
	c := m.subject()
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// names are what a certificate is for: names and addresses, else its subject.
func names(c *x509.Certificate) []string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		all = append(all, c.Subject.String())
	}
	return all
}
