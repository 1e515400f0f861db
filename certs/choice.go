package certs

import (
	"cmp"
	"crypto/rsa"
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// choice is a certificate that a listener may show.
type choice struct {
	cert *tls.Certificate
	// order is its place in the configuration; wild: it is here by a wildcard.
	order int
	wild  bool
}

// index finds the certificates of a listener by name. It does not change.
type index struct {
	all   []choice
	names map[string][]choice // in lower case; "*.example.com" for a wildcard
}

func newIndex(all []*material) *index {
	x := &index{names: map[string][]choice{}}
	for i, m := range all {
		c := choice{cert: m.pair, order: i}
		x.all = append(x.all, c)
		for _, name := range m.pair.Leaf.DNSNames {
			name = normal(name)
			c.wild = strings.HasPrefix(name, "*.")
			x.names[name] = append(x.names[name], c)
		}
	}
	return x
}

// normal is a name as the index has it.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// find returns the certificates for a name: those that have it, then those that
// have the wildcard of its first label (RFC 6125, 6.4.3).
func (x *index) find(name string) []choice {
	name = normal(name)
	exact := x.names[name]
	label, parent, ok := strings.Cut(name, ".")
	if !ok || label == "" || label == "*" {
		return exact
	}
	wild := x.names["*."+parent]
	if len(wild) == 0 {
		return exact
	}
	return slices.Concat(exact, wild)
}

// choose returns the certificate to show: the best for the name that was asked
// for. For a name that no certificate has, and for none, that is the first one, or
// the next that the client can use.
func (x *index) choose(hello *tls.ClientHelloInfo, now time.Time) *tls.Certificate {
	found := x.find(hello.ServerName)
	switch {
	case len(found) == 1:
		return found[0].cert
	case len(found) > 1:
		return best(found, hello, now)
	}
	for _, c := range x.all {
		if usable(c, hello) {
			return c.cert
		}
	}
	return x.all[0].cert // the handshake says what is wrong
}

// best prefers what the client can use, then what is valid now, then the exact
// name, then ECDSA and Ed25519, which cost less than RSA, then the first.
func best(found []choice, hello *tls.ClientHelloInfo, now time.Time) *tls.Certificate {
	rank := func(c choice) int {
		rank := 0
		for _, minus := range []bool{!usable(c, hello), !current(c, now), c.wild, isRSA(c)} {
			rank *= 2
			if minus {
				rank++
			}
		}
		return rank
	}
	return slices.MinFunc(found, func(a, b choice) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.order, b.order))
	}).cert
}

// usable tells whether a client can use a certificate, whatever its name.
func usable(c choice, hello *tls.ClientHelloInfo) bool {
	nameless := *hello
	nameless.ServerName = ""
	return nameless.SupportsCertificate(c.cert) == nil
}

func current(c choice, now time.Time) bool {
	return !now.Before(c.cert.Leaf.NotBefore) && !now.After(c.cert.Leaf.NotAfter)
}

func isRSA(c choice) bool {
	_, is := c.cert.Leaf.PublicKey.(*rsa.PublicKey)
	return is
}
