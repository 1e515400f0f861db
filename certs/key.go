package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// Sizes of RSA keys, in bits.
const (
	leastRSA = 1024 // what crypto/rsa signs with
	goodRSA  = 2048 // what clients ask for today
)

// isKey tells whether a block is a private key, of whatever kind.
func isKey(block *pem.Block) bool { return strings.HasSuffix(block.Type, "PRIVATE KEY") }

// parseKey returns the first private key of a PEM file. Nothing of the key is in
// its errors.
func parseKey(name string, text []byte) (crypto.Signer, error) {
	found, err := blocks(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrKey, err)
	}
	certificate := false
	for _, block := range found {
		if isKey(block) {
			key, err := keyOf(name, block)
			if err != nil {
				return nil, fmt.Errorf("%s: %w: %w", name, ErrKey, err)
			}
			return key, nil
		}
		certificate = certificate || block.Type == certificateBlock
	}
	hint := "it has no block that begins with -----BEGIN PRIVATE KEY-----"
	if certificate {
		hint = "it has certificates alone; are the files of certificate and key swapped?"
	}
	return nil, fmt.Errorf("%s: %w: %s", name, ErrKey, hint)
}

// keyOf reads a block: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) or SEC 1 (RFC 5915).
func keyOf(name string, block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, fmt.Errorf("it is encrypted, and weir has nobody to ask for the password; decrypt it: openssl pkey -in %s -out FILE", name)
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("its format is %s; convert it to PKCS #8 (-----BEGIN PRIVATE KEY-----)", block.Type)
	}
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < leastRSA {
			return nil, fmt.Errorf("an RSA key of %d bits is too short; make one of %d, or an ECDSA key", bits, goodRSA)
		}
		return key, nil
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P224() {
			return nil, fmt.Errorf("TLS has no curve P-224; make a key on P-256")
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("a key of type %T signs nothing in TLS; use RSA, ECDSA or Ed25519", key)
}

// keyName is the kind of a public key, for people.
func keyName(public crypto.PublicKey) string {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", public.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + public.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}
