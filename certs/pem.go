package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

const certificateBlock = "CERTIFICATE"

// blocks returns the PEM blocks of a file (RFC 7468). pem.Decode skips a damaged
// block without a word, which would cut a chain that is still being written.
func blocks(text []byte) ([]*pem.Block, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // editors of Windows begin with it
	const begin = "-----BEGIN "
	begun := bytes.Count(text, []byte("\n"+begin))
	if bytes.HasPrefix(text, []byte(begin)) {
		begun++
	}
	var whole []*pem.Block
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		whole, text = append(whole, block), rest
	}
	if len(whole) < begun {
		return nil, fmt.Errorf("only %d of its %d PEM blocks are whole; it is damaged, or still being written", len(whole), begun)
	}
	return whole, nil
}

// parseCertificates returns all certificates of a file; at least one.
func parseCertificates(name string, text []byte) ([]*x509.Certificate, error) {
	found, err := blocks(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrCertificate, err)
	}
	var certificates []*x509.Certificate
	key := false
	for _, block := range found {
		if block.Type != certificateBlock {
			key = key || isKey(block)
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: number %d is damaged: %w", name, ErrCertificate, len(certificates)+1, err)
		}
		certificates = append(certificates, c)
	}
	if len(certificates) > 0 {
		return certificates, nil
	}
	hint := "it has no block that begins with -----BEGIN CERTIFICATE-----"
	if key {
		hint = "it has a private key alone; are the files of certificate and key swapped?"
	} else if _, err := x509.ParseCertificate(text); err == nil {
		hint = fmt.Sprintf("it is DER, not PEM; convert it: openssl x509 -inform der -in %s -out FILE", name)
	}
	return nil, fmt.Errorf("%s: %w: %s", name, ErrCertificate, hint)
}
